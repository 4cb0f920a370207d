using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Training;

/// <summary>The folder of a training's checkpoint and embeddings, which one training at a time has.</summary>
internal sealed class RunFolder : IDisposable
{
    /// <summary>How the names of files of embeddings begin.</summary>
    public const string EmbeddingsStart = "embeddings-";

    private const string LockName = "training.lock";

    private readonly string _path;
    private readonly FolderLock _lock;
    private readonly bool _isNew;

    private RunFolder(string path, FolderLock taken, bool isNew) => (_path, _lock, _isNew) = (path, taken, isNew);

    /// <summary>Takes the folder of the options. It changes nothing in a folder that is not a training's.</summary>
    /// <returns>The folder; null if the options have none.</returns>
    /// <exception cref="IOException">The folder cannot be written to, or another training uses it.</exception>
    /// <exception cref="InvalidDataException">The folder has files of something else.</exception>
    /// <exception cref="InvalidOperationException">The folder has the checkpoint of an unfinished run, and the options do not resume it.</exception>
    public static RunFolder? Take(ImageTrainerOptions options)
    {
        if (options.CheckpointFolder is null)
            return null;

        string folder = Path.GetFullPath(options.CheckpointFolder);
        var checkpoint = new CheckpointFile(folder);
        bool isNew = !Directory.Exists(folder);
        var taken = Lock(folder);
        try
        {
            ReplacedFile.DeleteUnfinished(checkpoint.Path);
            if (!options.Resume)
                CheckNothingIsOverwritten(checkpoint);
            return new RunFolder(folder, taken, isNew);
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    /// <summary>Lets the folder go. One that was made for a training that wrote nothing goes too.</summary>
    public void Dispose()
    {
        _lock.Dispose();
        if (_isNew && Directory.Exists(_path) && !Directory.EnumerateFileSystemEntries(_path).Any())
            Directory.Delete(_path);
    }

    private static FolderLock Lock(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                RefuseOthers(folder);
            Directory.CreateDirectory(folder);
            return FolderLock.TryTake(Path.Combine(folder, LockName))
                ?? throw new IOException("another training uses it, until it ends");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The folder '{folder}' cannot be used: {exception.Message.TrimEnd('.')}. Give another folder as CheckpointFolder.",
                exception);
        }
    }

    /// <summary>Refuses a folder with other files, because a typing error in its name should not mix a checkpoint with them.</summary>
    private static void RefuseOthers(string folder)
    {
        if (Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)).FirstOrDefault(name => !IsOfTraining(name)) is { } other)
        {
            throw new InvalidDataException(
                $"The folder '{folder}' has '{other}', which is not of a checkpoint. Give a new or empty folder as CheckpointFolder.");
        }
    }

    /// <summary>Whether a name is of a file that a training writes, or of one that systems put into any folder.</summary>
    private static bool IsOfTraining(string name) =>
        name is CheckpointFile.FileName or CheckpointFile.SetAsideName or LockName or "lost+found"
        || name.StartsWith('.')
        || name.StartsWith(EmbeddingsStart, StringComparison.Ordinal)
        || ReplacedFile.IsUnfinished(name, CheckpointFile.FileName);

    private static void CheckNothingIsOverwritten(CheckpointFile checkpoint)
    {
        if (!checkpoint.Exists || checkpoint.ReadHeader() is not { IsFinished: false } header)
            return;
        throw new InvalidOperationException(
            $"'{checkpoint.Path}' is the checkpoint of a run that stopped after step {header.Step}. Set Resume to true to continue it, or delete it, "
            + "or give another folder as CheckpointFolder.");
    }
}
