using System.Security.Cryptography;

namespace Microsoft.ML.Sla;

/// <summary>What a model is made of: another file or other options are another version.</summary>
/// <param name="Path">The full path of the file.</param>
/// <param name="PixelLimit">The largest number of pixels that an image may declare.</param>
/// <param name="Inference">How images are scored; null for the inference of the file.</param>
/// <param name="ViewScores">Whether predictions have the probabilities of each view.</param>
internal readonly record struct ModelVersion(string Path, long PixelLimit, SlaInference? Inference, bool ViewScores)
{
    /// <summary>More than the list of entries of a model's archive, which is at its end.</summary>
    private const int TailBytes = 16 * 1024;

    /// <summary>The number of bytes; 0 if the file cannot be read.</summary>
    public long Length { get; private init; }

    /// <summary>When the file was written last.</summary>
    public DateTime LastWrite { get; private init; }

    /// <summary>
    /// A hash of the file's end. An archive has the checksums of its entries there, so this tells two models apart that have the same length and
    /// time, as files of a container image may have.
    /// </summary>
    public string? Tail { get; private init; }

    /// <summary>The version that options and file have now.</summary>
    /// <param name="options">The options.</param>
    /// <param name="root">The folder that a relative path begins at.</param>
    public static ModelVersion Of(SlaPredictorOptions options, string root)
    {
        var version = new ModelVersion(System.IO.Path.GetFullPath(options.ModelPath, root), options.PixelLimit, options.Inference, options.ViewScores);
        try
        {
            // The open file, and not its name: that may be a symbolic link, in any of its folders. The sharing leaves a writer of the file alone.
            using var file = File.OpenHandle(version.Path, share: FileShare.ReadWrite | FileShare.Delete);
            long length = RandomAccess.GetLength(file);
            byte[] tail = new byte[Math.Min(length, TailBytes)];
            RandomAccess.Read(file, tail, length - tail.Length);
            return version with { Length = length, LastWrite = File.GetLastWriteTimeUtc(file), Tail = Convert.ToHexString(SHA256.HashData(tail)) };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Who loads this version gets the reason.
            return version;
        }
    }
}
