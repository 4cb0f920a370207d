using System.Diagnostics;
using Microsoft.ML.Sla.Files;
using Microsoft.ML.Sla.Tests.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests.Files;

/// <summary>Temporary files: who can open them, what is left of them, and what is said where there can be none.</summary>
public sealed class TemporaryFileTests : FolderTest
{
    private const string Temporary = "TMPDIR";

    [Fact]
    public void A_file_is_for_its_user_alone()
    {
        using var file = new TemporaryFile([1, 2, 3], ".onnx");

        Assert.Equal([1, 2, 3], File.ReadAllBytes(file.Path));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file.Path));
    }

    [Fact]
    public void A_file_that_is_disposed_is_gone()
    {
        var file = new TemporaryFile([1, 2, 3], ".onnx");
        file.Dispose();

        Assert.False(File.Exists(file.Path) && File.ReadAllBytes(file.Path).SequenceEqual(new byte[] { 1, 2, 3 }));
    }

    [Fact]
    public void A_new_file_neither_opens_one_that_exists_nor_has_a_name_that_can_be_foreseen()
    {
        using var first = PrivateFile.Create(Folder, "a-", ".tmp", FileShare.None);
        using var second = PrivateFile.Create(Folder, "a-", ".tmp", FileShare.None);

        Assert.NotEqual(first.Name, second.Name);
        Assert.True(Path.GetFileName(first.Name).Length >= 32);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("KILL")]
    public async Task Nothing_is_left_of_a_model_whose_process_is_ended_by_a_signal(string signal)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        using var process = TestProcess.Start(typeof(TemporaryFileTests), nameof(Has_a_model_until_the_process_ends), Temporary, Folder);
        while (!File.Exists(InFolder("ready")) && !process.HasExited)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(process.HasExited);
        using (var kill = Process.Start("kill", ["-s", signal, $"{process.Id}"]))
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.DoesNotContain(Directory.GetFiles(Folder), file => file.EndsWith(".onnx", StringComparison.Ordinal));
    }

    [Fact]
    public void Has_a_model_until_the_process_ends()
    {
        if (!TestProcess.IsThis)
            return;
        var mlContext = new MLContext(seed: 1);
        string model = InFolder("model.zip");
        ModelFile.Save(mlContext, model);
        using var loaded = SlaTransformer.Load(mlContext, model);
        File.WriteAllText(Path.Combine(Path.GetTempPath(), "ready"), "");
        Thread.Sleep(TimeSpan.FromMinutes(1));
        Assert.NotNull(loaded);
    }

    [Fact]
    public Task A_temporary_folder_that_is_missing_is_named_with_the_remedy() =>
        TestProcess.Run(typeof(MissingTemporaryFolderTests), nameof(MissingTemporaryFolderTests.The_error_says_what_to_do), Temporary, InFolder("missing"));
}

/// <summary>What runs where there is no temporary folder.</summary>
public sealed class MissingTemporaryFolderTests
{
    [Fact]
    public void The_error_says_what_to_do()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Runs without a temporary folder.");
        foreach (var use in new Action[] { () => new TemporaryFile([1], ".onnx").Dispose(), () => TemporaryFolder.Create() })
        {
            string message = Assert.Throws<IOException>(use).Message;
            Assert.Contains(Path.GetTempPath(), message, StringComparison.Ordinal);
            Assert.Contains($"environment variable {(OperatingSystem.IsWindows() ? "TMP" : "TMPDIR")}", message, StringComparison.Ordinal);
        }
    }
}
