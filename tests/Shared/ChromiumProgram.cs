using System.Diagnostics;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The browser in which tests open pages, where it is installed.</summary>
internal static class ChromiumProgram
{
    public const string Program = "/usr/bin/chromium";

    public static bool IsThere => File.Exists(Program);

    /// <summary>Starts it without a window and without requests of its own. What pages write to the console is on the standard error.</summary>
    /// <param name="folder">An empty folder, for the browser's own files.</param>
    /// <param name="isDark">The colour scheme that the reader prefers.</param>
    /// <param name="width">Width of the window.</param>
    /// <param name="arguments">What to open, and how.</param>
    public static Process Start(string folder, bool isDark, int width, params string[] arguments) => Process.Start(new ProcessStartInfo(
        Program,
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            $"--user-data-dir={folder}", "--enable-logging=stderr", $"--blink-settings=preferredColorScheme={(isDark ? 0 : 1)}", $"--window-size={width},900", .. arguments,
        ])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
