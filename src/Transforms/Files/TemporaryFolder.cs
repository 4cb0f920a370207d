namespace Microsoft.ML.Sla.Files;

/// <summary>The folder for temporary files, which the environment names.</summary>
internal static class TemporaryFolder
{
    /// <summary>Makes a folder in it that only this user can enter.</summary>
    /// <returns>Its path.</returns>
    /// <exception cref="IOException">The temporary folder cannot be used; the message says what to do.</exception>
    public static string Create()
    {
        try
        {
            return Directory.CreateTempSubdirectory("Microsoft.ML.Sla-").FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unusable(exception);
        }
    }

    /// <summary>The exception for a temporary folder that cannot be used.</summary>
    public static IOException Unusable(Exception reason) => new(
        $"The temporary folder '{Path.GetTempPath()}' cannot be used: {reason.Message.TrimEnd('.')}. Make it, free space there, or set the environment variable "
        + $"{(OperatingSystem.IsWindows() ? "TMP" : "TMPDIR")} to a folder that can be written to.",
        reason);
}
