using Google.Protobuf;

namespace Microsoft.ML.Sla.Data;

/// <summary>The boundary between a file and its parser: every failure of the parser becomes one exception that names the file.</summary>
internal static class ParsedFile
{
    /// <summary>Parses a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">The expected kind of file, such as <c>a checkpoint</c>.</param>
    /// <param name="parse">Reads it.</param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is of another kind, or damaged.</exception>
    public static T Read<T>(string path, string kind, Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (Exception exception) when (IsOfContent(exception) && !Names(exception, path))
        {
            throw new InvalidDataException($"'{path}' is not {kind}, or it is damaged: {exception.Message}", exception);
        }
    }

    /// <inheritdoc cref="Read{T}"/>
    public static void Read(string path, string kind, Action parse) => Read(path, kind, () =>
    {
        parse();
        return true;
    });

    /// <summary>Whether the content of the file caused the exception, and not the disk, the memory or the caller.</summary>
    private static bool IsOfContent(Exception exception) =>
        exception is EndOfStreamException or InvalidProtocolBufferException or not (IOException or UnauthorizedAccessException or OutOfMemoryException or OperationCanceledException);

    private static bool Names(Exception exception, string path) =>
        exception is InvalidDataException && exception.Message.Contains($"'{path}'", StringComparison.Ordinal);
}
