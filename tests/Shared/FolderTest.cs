namespace Microsoft.ML.Sla.Tests;

/// <summary>Tests that have a folder each, deleted after the test with all that is in it.</summary>
public abstract class FolderTest : IDisposable
{
    protected FolderTest() => Folder = Directory.CreateTempSubdirectory($"sla-{GetType().Name}-").FullName;

    protected string Folder { get; }

    protected string InFolder(string name) => Path.Combine(Folder, name);

    public virtual void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }
}
