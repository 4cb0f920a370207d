using System.Runtime.Versioning;
using System.Security.Cryptography;
using Microsoft.ML.Sla.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests.Native;

[SupportedOSPlatform("linux")]
public sealed class LibraryCacheTests : IDisposable
{
    private const string FileName = "libSomething.so";

    private readonly DirectoryInfo _directory;

    public LibraryCacheTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        _directory = Directory.CreateTempSubdirectory("sla-cache-tests-");
    }

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void A_stored_library_is_in_the_returned_file()
    {
        byte[] library = RandomNumberGenerator.GetBytes(100_000);

        string path = Store(library);

        Assert.Equal(FileName, Path.GetFileName(path));
        Assert.Equal(library, File.ReadAllBytes(path));
    }

    [Fact]
    public void A_library_that_is_there_already_is_not_written_again()
    {
        byte[] library = [1, 2, 3];
        string path = Store(library);
        DateTime written = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, written);

        Assert.Equal(path, Store(library));

        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
    }

    [Fact]
    public void Different_libraries_have_different_files() => Assert.NotEqual(Store([1, 2, 3]), Store([1, 2, 4]));

    [Fact]
    public void A_truncated_copy_is_replaced()
    {
        byte[] library = [1, 2, 3];
        File.WriteAllBytes(Store(library), [1, 2]);

        Assert.Equal(library, File.ReadAllBytes(Store(library)));
    }

    [Fact]
    public void A_damaged_copy_of_the_same_length_is_replaced()
    {
        byte[] library = [1, 2, 3];
        File.WriteAllBytes(Store(library), [1, 2, 9]);

        Assert.Equal(library, File.ReadAllBytes(Store(library)));
    }

    [Fact]
    public void The_replaced_file_lives_on_for_those_who_have_it_open()
    {
        byte[] damaged = [1, 2, 9];
        string path = Store([1, 2, 3]);
        File.WriteAllBytes(path, damaged);
        using FileStream open = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

        Store([1, 2, 3]);

        byte[] read = new byte[3];
        open.ReadExactly(read);
        Assert.Equal(damaged, read);
    }

    [Fact]
    public void Many_who_store_at_once_find_the_whole_library_and_leave_one_file()
    {
        byte[] library = RandomNumberGenerator.GetBytes(1_000_000);
        using Barrier start = new(8);

        bool[] whole = new bool[8];
        Thread[] threads = [.. Enumerable.Range(0, 8).Select(_ => new Thread(StoreTogether))];
        for (int i = 0; i < threads.Length; i++)
            threads[i].Start(i);
        foreach (Thread thread in threads)
            thread.Join();

        Assert.All(whole, Assert.True);
        Assert.Single(_directory.GetFiles("*", SearchOption.AllDirectories));

        void StoreTogether(object? index)
        {
            start.SignalAndWait();
            whole[(int)index!] = File.ReadAllBytes(Store(library)).AsSpan().SequenceEqual(library);
        }
    }

    [Fact]
    public void New_directories_are_for_their_owner_alone()
    {
        string path = Store([1, 2, 3]);

        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_library_that_no_directory_can_hold_is_refused_by_the_names_of_the_directories()
    {
        string directory = Path.Combine(Store([1, 2, 3]), "below-a-file");

        IOException refusal = Assert.ThrowsAny<IOException>(() => LibraryCache.Load(directory, FileName, [1, 2, 3]));

        Assert.Contains(directory, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(Path.GetTempPath(), refusal.Message, StringComparison.Ordinal);
    }

    private string Store(byte[] library) => LibraryCache.Store(_directory.FullName, FileName, library);
}
