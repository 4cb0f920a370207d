using System.Runtime.Versioning;
using System.Security.Cryptography;
using Microsoft.ML.Sla.Files;
using Microsoft.ML.Sla.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests.Native;

/// <summary>The changed copy of TorchSharp's library, which nobody else may choose.</summary>
[SupportedOSPlatform("linux")]
public sealed class LibraryCopyTests : FolderTest
{
    private const string FileName = "libSomething.so";

    public LibraryCopyTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");

    [Fact]
    public void The_file_in_memory_has_the_library_and_no_name()
    {
        byte[] library = RandomNumberGenerator.GetBytes(1_000_000);

        using var file = LibraryCopy.InMemory(FileName, library);

        string path = LibraryCopy.PathOf(file);
        Assert.Equal(library, File.ReadAllBytes(path));
        Assert.Equal($"/memfd:{FileName} (deleted)", new FileInfo(path).LinkTarget);
    }

    [Fact]
    public void What_is_no_library_is_refused_with_both_places_and_leaves_nothing()
    {
        int before = Directory.GetFiles(Path.GetTempPath(), "sla-*").Length;

        IOException refusal = Assert.Throws<IOException>(() => LibraryCopy.Load(FileName, [1, 2, 3]));

        Assert.All(
            [FileName, "from memory", Path.GetTempPath(), "Set TMPDIR"],
            part => Assert.Contains(part, refusal.Message, StringComparison.Ordinal));
        Assert.Equal(before, Directory.GetFiles(Path.GetTempPath(), "sla-*").Length);
    }

    [Fact]
    public async Task The_temporary_file_is_the_one_that_was_written_whatever_another_thread_puts_under_its_name()
    {
        if (TestProcess.IsThis)
        {
            LoadWhileAnotherThreadPlants();
            return;
        }

        await TestProcess.Run(GetType(), nameof(The_temporary_file_is_the_one_that_was_written_whatever_another_thread_puts_under_its_name), "TMPDIR", Folder);
    }

    private static void LoadWhileAnotherThreadPlants()
    {
        const int Rounds = 1000;
        string folder = Path.TrimEndingDirectorySeparator(Path.GetTempPath()), other = Path.Combine(folder, "planted");
        byte[] library = RandomNumberGenerator.GetBytes(10_000), planted = RandomNumberGenerator.GetBytes(10_000);
        File.WriteAllBytes(other, planted);
        using var stop = new CancellationTokenSource();
        int swaps = 0;
        var thread = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                foreach (string path in Directory.GetFiles(folder, "sla-*"))
                    swaps += Swapped(path, other) ? 1 : 0;
            }
        });
        thread.Start();
        for (int round = 0; round < Rounds; round++)
        {
            using var file = new TemporaryFile(library, ".so");
            Assert.Equal(library, File.ReadAllBytes(file.Path));
            Assert.Equal(library, File.ReadAllBytes(file.Path));
        }

        stop.Cancel();
        thread.Join();
        Assert.Equal(planted, File.ReadAllBytes(other));
        TestContext.Current.TestOutputHelper?.WriteLine($"{swaps} names were taken");
    }

    private static bool Swapped(string path, string other)
    {
        try
        {
            File.Delete(path);
            File.CreateSymbolicLink(path, other);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
