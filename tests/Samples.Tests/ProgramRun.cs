using System.Diagnostics;
using System.Reflection;
using System.Text;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A sample that was built, run as a process.</summary>
/// <param name="Code">What it ended with.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Error">Its standard error.</param>
internal sealed record ProgramRun(int Code, string Output, string Error)
{
    private const int Interrupt = 2;

    /// <summary>Path of a sample's assembly, by the name of its project.</summary>
    public static string PathOf(string sample) => typeof(ProgramRun).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == sample).Value!;

    public static Task<ProgramRun> RunAsync(string sample, params string[] arguments) => RunUntilAsync(sample, line: null, signal: null, arguments);

    /// <summary>Runs a sample, and sends it a signal once a line of its standard error contains something.</summary>
    public static async Task<ProgramRun> RunUntilAsync(string sample, string? line, string? signal, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [PathOf(sample), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = new StringBuilder();
        while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } said)
        {
            error.AppendLine(said);
            if (line is not null && said.Contains(line, StringComparison.Ordinal))
            {
                line = null;
                using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
                await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            }
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new ProgramRun(process.ExitCode, await output, error.ToString());
    }

    /// <summary>What Ctrl-C sends; or the polite request to end, where this process was started to ignore Ctrl-C, as in the background of a script.</summary>
    public static string InterruptSignal()
    {
        string mask = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)).Split('\t')[1];
        return (Convert.ToUInt64(mask, 16) >> (Interrupt - 1) & 1) == 1 ? "TERM" : "INT";
    }
}
