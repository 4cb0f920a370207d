using Sla;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What a command writes never replaces what it reads, or what others have.</summary>
[Collection(CliGroup.Name)]
public sealed class OutputTests(TrainedByCli trained) : FolderTest
{
    [Theory]
    [InlineData("--onnx and --model", "export", "--model", "{0}/m.zip", "--onnx", "{0}/link.zip")]
    [InlineData("--report and --model", "evaluate", "--model", "{0}/m.zip", "--images", "{1}", "--report", "{0}/m.zip")]
    [InlineData("--report and an image of --images", "evaluate", "--model", "{0}/m.zip", "--images", "{0}/set", "--report", "{0}/set/bag/1.png")]
    [InlineData("--report and --list", "evaluate", "--model", "{0}/m.zip", "--list", "{0}/l.tsv", "--report", "{0}/l.tsv")]
    [InlineData("--report and --model", "train", "--images", "{1}", "--model", "{0}/new.zip", "--report", "{0}/./new.zip")]
    [InlineData("--model and --pretrained", "train", "--images", "{1}", "--model", "{0}/m.zip", "--pretrained", "{0}/link.zip")]
    [InlineData("--model and --backbone", "train", "--images", "{1}", "--model", "{0}/m.zip", "--backbone", "{0}/m.zip")]
    [InlineData("--model and --list", "train", "--list", "{0}/l.tsv", "--model", "{0}/l.tsv")]
    [InlineData("--model and an image of --list", "train", "--list", "{0}/l.tsv", "--model", "{0}/set/bag/1.png")]
    [InlineData("--report and an image of --validation", "train", "--images", "{1}", "--validation", "{0}/set", "--model", "{0}/n.zip", "--report", "{0}/set/bag/1.png")]
    [InlineData("--checkpoint and --images", "train", "--images", "{0}/set", "--model", "{0}/n.zip", "--checkpoint", "{0}/set/.")]
    [InlineData("--log-dir and --checkpoint", "train", "--images", "{1}", "--model", "{0}/n.zip", "--checkpoint", "{0}/c", "--log-dir", "{0}/c")]
    [InlineData("--folder and --images", "search", "--images", "{0}/set", "--model", "{0}/n.zip", "--folder", "{0}/set")]
    [InlineData("--model and --backbone", "search", "--images", "{1}", "--model", "{0}/m.zip", "--fix", "Backbone={0}/m.zip")]
    public async Task A_file_that_is_read_is_not_written(string options, params string[] arguments)
    {
        Directory.CreateDirectory(InFolder("set/bag"));
        File.Copy(Directory.GetFiles(Path.Combine(trained.Images, "bag"))[0], InFolder("set/bag/1.png"));
        File.WriteAllText(InFolder("l.tsv"), "set/bag/1.png\tbag\n");
        File.Copy(trained.Model, InFolder("m.zip"));
        File.CreateSymbolicLink(InFolder("link.zip"), "m.zip");
        string[] before = [.. Contents()];
        await SlaCommand.RefusedAsync($"{options} name the same, '", [.. arguments.Select(word => string.Format(null, word, Folder, trained.Images))]);
        Assert.Equal(before, Contents());
    }

    [Fact]
    public async Task A_checkpoint_folder_with_other_files_is_refused_and_they_stay()
    {
        string notes = Directory.CreateDirectory(InFolder("notes")).FullName;
        File.WriteAllText(Path.Combine(notes, "a.txt"), "mine");
        await SlaCommand.RefusedAsync("such as 'a.txt'", SlaCommand.Train(trained.Images, InFolder("m.zip"), epochs: 1, "--checkpoint", notes));
        Assert.Equal([Path.Combine(notes, "a.txt")], Directory.GetFiles(notes));
    }

    [Fact]
    public void A_folder_that_another_run_is_in_is_not_cleaned()
    {
        string folder = Directory.CreateDirectory(InFolder("s")).FullName;
        File.WriteAllText(InFolder("s/trials.jsonl"), "");
        using (new FileStream(InFolder("s/search.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            new OwnFolder(folder).Delete();
            Assert.True(File.Exists(InFolder("s/trials.jsonl")));
        }

        new OwnFolder(folder).Delete();
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void A_folder_with_embeddings_alone_can_be_resumed_and_one_with_a_checkpoint_is_named()
    {
        var folder = new OwnFolder(InFolder("c"));
        Assert.True(folder.IsEmpty);
        Directory.CreateDirectory(InFolder("c"));
        Assert.True(folder.IsEmpty);
        File.WriteAllText(InFolder("c/embeddings-0a.bin"), "");
        folder.CheckHasNothingElse("--checkpoint");
        Assert.Equal((false, false), (folder.IsEmpty, folder.Has(OwnFolder.Checkpoint)));
        File.WriteAllText(InFolder("c/checkpoint.safetensors"), "");
        Assert.True(folder.Has(OwnFolder.Checkpoint));

        Assert.Equal("The last checkpoint", folder.Kept());
        File.Move(InFolder("c/checkpoint.safetensors"), InFolder("c/checkpoint.safetensors.diverged"));
        folder.CheckHasNothingElse("--checkpoint");
        Assert.Equal("What the network made of the images", folder.Kept());
    }

    [Fact]
    public void Of_a_folder_only_what_the_library_wrote_is_deleted()
    {
        string[] own = ["checkpoint.safetensors", "checkpoint.safetensors.17.tmp", "embeddings-0a.bin", "trial-001/training/checkpoint.safetensors", "search.json"];
        string[] others = ["mine.txt", "mine/checkpoint.txt", "trial-001/mine.png"];
        foreach (string file in own.Concat(others))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(InFolder($"c/{file}"))!);
            File.WriteAllText(InFolder($"c/{file}"), "");
        }

        Directory.CreateDirectory(InFolder("linked"));
        File.WriteAllText(InFolder("linked/checkpoint.safetensors"), "");
        Directory.CreateSymbolicLink(InFolder("c/trial-002"), InFolder("linked"));
        new OwnFolder(InFolder("c")).Delete();
        Assert.Equal(others.Order(), Directory.GetFiles(InFolder("c"), "*", SearchOption.AllDirectories).Where(file => !file.Contains("trial-002", StringComparison.Ordinal)).Select(file => Path.GetRelativePath(InFolder("c"), file)).Order());
        Assert.True(File.Exists(InFolder("linked/checkpoint.safetensors")));
    }

    [Fact]
    public async Task A_model_that_another_command_is_about_to_write_is_refused()
    {
        string model = InFolder("m.zip");
        using (OutputFile.Take(model))
        {
            Assert.Throws<InputException>(() => OutputFile.Take(model));
            await SlaCommand.RefusedAsync("Another command is about to write", SlaCommand.Train(trained.Images, model, epochs: 1));
        }

        OutputFile.Take(model).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(Folder));
    }

    [Fact]
    public void A_file_that_cannot_be_written_leaves_nothing_and_keeps_what_was_there()
    {
        string path = InFolder("r.html");
        File.WriteAllText(path, "before");
        var failed = Assert.Throws<IOException>(() => OutputFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new IOException("The disk is full.");
        }));
        Assert.Equal($"'{path}' could not be written: The disk is full.", failed.Message);
        Assert.Equal([path], Directory.GetFiles(Folder));
        Assert.Equal("before", File.ReadAllText(path));
        OutputFile.Write(path, stream => stream.Write("after"u8));
        Assert.Equal("after", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(Folder));
    }

    private IEnumerable<string> Contents() => Directory.GetFileSystemEntries(Folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal);
}
