using System.Diagnostics;
using System.Net.Sockets;
using Sla;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which files of a folder are the images of which class.</summary>
[Collection("standard error")]
public sealed class ImageSetTests : FolderTest
{
    [Fact]
    public void Hidden_files_and_what_systems_make_are_left_out_at_every_depth()
    {
        string set = Set("bag/1.png", "bag/deep/2.JFIF", "coat/1.jpeg");
        Files(
            "set/bag/.ipynb_checkpoints/1.png", "set/bag/deep/.hidden.png", "set/bag/deep/__MACOSX/1.png", "set/bag/@eaDir/2.jpg", "set/bag/$RECYCLE.BIN/3.jpg",
            "set/bag/System Volume Information/4.jpg", "set/coat/Thumbs.db", "set/coat/desktop.ini", "set/.git/1.png", "set/__MACOSX/bag/1.png");
        var (images, notes) = Read(set);
        Assert.Equal(["bag/1.png bag", "bag/deep/2.JFIF bag", "coat/1.jpeg coat"], Shown(set, images));
        Assert.Empty(notes);
    }

    [Fact]
    public void Each_file_is_there_once_whatever_links_lead_to_it()
    {
        string set = Set("bag/1.png", "bag/2.png", "coat/3.png");
        Files("pool/4.png", "pool/deep/5.png");
        Link("set/bag/up", "..");
        Link("set/bag/here", ".");
        Link("set/bag/other", "../coat");
        Link("set/bag/again.png", "1.png");
        Link("set/all", ".");
        Link("set/coat/pool", "../../pool");
        Link("pool/deep/back", "../..");
        Link("set/coat/gone.png", "nothing.png");
        Link("set/coat/circle", "circle");
        var (images, notes) = Read(set);
        Assert.Equal(["bag/1.png bag", "bag/2.png bag", "coat/3.png coat", "coat/pool/4.png coat", "coat/pool/deep/5.png coat"], Shown(set, images));
        Assert.Contains("and 5 more: a link to what is there already.", notes, StringComparison.Ordinal);
        Assert.Contains("and 1 more: a link to nothing.", notes, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_that_is_named_is_followed_wherever_it_leads()
    {
        Files("set/bag/1.png", "set/2.png");
        Link("set/bag/up", "..");
        var found = new FolderWalk((_, _) => { }).Find([InFolder("set/bag/up")])[0];
        Assert.Equal(["2.png", "bag/1.png"], found.Select(file => Path.GetRelativePath(InFolder("set/bag/up"), file)));
    }

    [Fact]
    public async Task Pipes_and_sockets_are_not_opened_and_an_empty_file_is_an_image_that_cannot_be_read()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such files.");
        string set = Set("bag/1.png", "coat/2.png");
        Files("set/bag/empty.png");
        File.WriteAllText(InFolder("set/bag/empty.png"), "");
        using (var made = Process.Start("mkfifo", [InFolder("set/bag/pipe.png")]))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(InFolder("set/coat/s.png")));
        Link("set/coat/device.png", "/dev/zero");
        var (images, notes) = await Task.Run(() => Read(set)).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(["bag/1.png bag", "bag/empty.png bag", "coat/2.png coat"], Shown(set, images));
        Assert.Contains("pipe.png' and 2 more: not a file", notes, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_cannot_be_read_is_named()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            Assert.Skip("This user may read all folders.");
            return;
        }

        string set = Set("bag/1.png", "bag/locked/2.png", "coat/3.png");
        File.SetUnixFileMode(InFolder("set/bag/locked"), UnixFileMode.None);
        try
        {
            var refused = Assert.Throws<InputException>(() => ImageSet.OfFolder(set));
            Assert.Contains("locked' cannot be read", refused.Message, StringComparison.Ordinal);
            Assert.Contains("--skip-unreadable", refused.Message, StringComparison.Ordinal);
            var (images, notes) = Read(set, skipUnreadable: true);
            Assert.Equal(2, images.Images.Count);
            Assert.Contains("locked' cannot be read", notes, StringComparison.Ordinal);
        }
        finally
        {
            File.SetUnixFileMode(InFolder("set/bag/locked"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Theory]
    [InlineData("train", "val", "--images {0}/train --validation {0}/val.")]
    [InlineData("Train", "test", "--images {0}/Train. Measure the model with: sla evaluate --images {0}/test.")]
    public void A_data_set_of_training_and_test_images_is_not_two_classes(string training, string other, string advice)
    {
        string set = Set($"{training}/bag/1.png", $"{training}/coat/2.png", $"{other}/bag/3.png");
        var refused = Assert.Throws<InputException>(() => ImageSet.OfFolder(set));
        Assert.Contains(string.Format(null, advice, set), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_of_such_names_whose_images_lie_in_them_are_classes()
    {
        string set = Set("train/1.png", "train/red/2.png", "test/3.png");
        Assert.Equal(["test", "train"], Read(set).Images.Classes);
    }

    [Fact]
    public void A_class_without_an_image_that_can_be_read_is_left_out_and_named()
    {
        string set = Set("bag/1.png", "coat/2.png", "zebra/1.jpg", "zebra/2.jpg");
        var image = FashionImages.Train(classes: 1, perClass: 1)[0].ImagePath;
        File.Copy(image, InFolder("set/bag/2.png"));
        File.Copy(image, InFolder("set/coat/3.png"));
        ImageSet readable = null!;
        string notes = NotesOf(() => readable = ImageSet.OfFolder(set, skipUnreadable: true).WithoutUnreadableImages());
        Assert.Equal(["bag/2.png bag", "coat/3.png coat"], Shown(set, readable));
        Assert.Equal(4, readable.Unreadable);
        Assert.Contains("coat/2.png' cannot be used", notes.Replace('\\', '/'), StringComparison.Ordinal);
        Assert.EndsWith("No image of the class 'zebra' can be read, of 2 images. The class is left out.", notes.Trim(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_about_an_image_names_all_that_cannot_be_used_and_the_option()
    {
        string set = Set("bag/1.png", "coat/2.png", "coat/3.png");
        File.Copy(FashionImages.Train(classes: 1, perClass: 1)[0].ImagePath, InFolder("set/bag/good.png"));
        var images = ImageSet.OfFolder(set);
        string Message(Exception thrown) => Assert.Throws<InputException>(() => images.Using<int>(() => throw thrown)).Message;

        string first = images.Images[0].ImagePath;
        string message = Message(new AggregateException(new InvalidDataException($"The image '{first}' cannot be used: it is empty.")));
        Assert.Equal(
            $"The image '{first}' cannot be used: it is empty. Nor can '{images.Images[2].ImagePath}', '{images.Images[3].ImagePath}'. "
            + "Repair or remove them, or add --skip-unreadable to leave them out.",
            message);
        Assert.Throws<IOException>(() => images.Using<int>(() => throw new IOException("No space left on device.")));
        Assert.Equal(3, images.Using(() => 3));
    }

    [Fact]
    public void A_folder_of_images_without_folders_of_classes_is_named_as_that()
    {
        var refused = Assert.Throws<InputException>(() => ImageSet.OfFolder(Set("1.png", "2.png")));
        Assert.Contains("has 2 images and no folders of classes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Doubtful_classes_and_images_are_noted()
    {
        string set = Set("bag/1.png", "bag/2.png", "Bag/3.png", "Bag/4.png", "coat/5.png", "coat/6.png", "hat/7.png");
        foreach (string file in Directory.EnumerateFiles(set, "*.png", SearchOption.AllDirectories))
            File.AppendAllText(file, Path.GetFileName(file));
        File.Copy(InFolder("set/bag/1.png"), InFolder("set/bag/copy.png"));
        Assert.Equal(
            ["The classes 'Bag' and 'bag' differ in capital letters only. They are 2 classes.", "The class 'hat' has a single image. Add images, or leave it out."],
            Doubts(set));

        File.Copy(InFolder("set/bag/1.png"), InFolder("set/coat/copy.png"));
        string same = Doubts(set)[2];
        Assert.Contains("bag/1.png' and '", same.Replace('\\', '/'), StringComparison.Ordinal);
        Assert.EndsWith("coat/copy.png' are the same image, in the classes 'bag' and 'coat'. Remove the wrong one.", same.Replace('\\', '/'), StringComparison.Ordinal);
    }

    private static string[] Doubts(string folder) => NotesOf(Read(folder).Images.NoteDoubts).Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    [Fact]
    public void Classes_are_counted_in_a_line_that_does_not_grow_without_end()
    {
        string few = Set("bag/1.png", "bag/2.png", "coat/1.png");
        Assert.Equal("2 classes with 3 images: bag 2, coat 1.", ImageSet.OfFolder(few).ClassCounts());
        Files([.. Enumerable.Range(0, 40).Select(i => $"many/{i:00}{new string('x', 200)}/1.png")]);
        string line = ImageSet.OfFolder(InFolder("many")).ClassCounts();
        Assert.EndsWith(", and 20 more.", line, StringComparison.Ordinal);
        Assert.InRange(line.Length, 1000, 2500);
    }

    /// <summary>Runs something, and returns what it said on the standard error.</summary>
    internal static string NotesOf(Action action)
    {
        var (before, said) = (Console.Error, new StringWriter());
        Console.SetError(said);
        try
        {
            action();
        }
        finally
        {
            Console.SetError(before);
        }

        return said.ToString();
    }

    private static (ImageSet Images, string Notes) Read(string folder, bool skipUnreadable = false)
    {
        ImageSet images = null!;
        string notes = NotesOf(() => images = ImageSet.OfFolder(folder, skipUnreadable));
        return (images, notes);
    }

    private static IEnumerable<string> Shown(string folder, ImageSet set) =>
        set.Images.Select(image => $"{Path.GetRelativePath(folder, image.ImagePath).Replace('\\', '/')} {image.Label}");

    private string Set(params string[] files)
    {
        Files([.. files.Select(file => $"set/{file}")]);
        return InFolder("set");
    }

    private void Files(params string[] files)
    {
        foreach (string file in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(InFolder(file))!);
            File.WriteAllText(InFolder(file), "no image");
        }
    }

    private void Link(string path, string target) => Directory.CreateSymbolicLink(InFolder(path), target);
}
