using System.Diagnostics;
using System.Reflection;
using System.Text;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A program that was run as a process.</summary>
/// <param name="Code">What it ended with.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Error">Its standard error.</param>
internal sealed record ProgramRun(int Code, string Output, string Error)
{
    private const int Interrupt = 2;

    /// <summary>A path that the project of the tests names, such as that of a sample's assembly by the name of the sample.</summary>
    public static string PathOf(string name) => typeof(ProgramRun).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == name).Value!;

    /// <summary>Runs a sample.</summary>
    public static Task<ProgramRun> RunAsync(string sample, params string[] arguments) => RunUntilAsync(sample, line: null, signal: null, arguments);

    /// <summary>Runs a sample in a changed environment.</summary>
    /// <param name="sample">The sample.</param>
    /// <param name="environment">Variables and their values; null to remove one.</param>
    /// <param name="arguments">The arguments.</param>
    public static Task<ProgramRun> RunInAsync(string sample, IEnumerable<(string Variable, string? Value)> environment, params string[] arguments)
    {
        var start = StartOf(sample, arguments);
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;
        return RunAsync(start, line: null, signal: null);
    }

    /// <summary>Runs a sample in a folder.</summary>
    public static Task<ProgramRun> RunInFolderAsync(string sample, string folder, params string[] arguments)
    {
        var start = StartOf(sample, arguments);
        start.WorkingDirectory = folder;
        return RunAsync(start, line: null, signal: null);
    }

    /// <summary>Runs an executable file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="folder">The folder to run it in; null for that of the tests.</param>
    /// <param name="arguments">The arguments.</param>
    public static Task<ProgramRun> RunFileAsync(string file, string? folder = null, params string[] arguments) =>
        RunAsync(new ProcessStartInfo(file, arguments) { WorkingDirectory = folder ?? "" }, line: null, signal: null);

    /// <summary>Runs a command line of bash.</summary>
    public static Task<ProgramRun> RunShellAsync(string line) => RunAsync(new ProcessStartInfo("bash", ["-c", line]), line: null, signal: null);

    /// <summary>Runs a command of the .NET SDK in a folder. Nothing of it stays behind, and it knows nothing of a build that the tests were started by.</summary>
    public static Task<ProgramRun> RunSdkAsync(string folder, params string[] arguments) => RunSdkInAsync(folder, [], arguments);

    /// <summary>Runs a command of the .NET SDK in a folder and in a changed environment.</summary>
    public static Task<ProgramRun> RunSdkInAsync(string folder, IEnumerable<(string Variable, string Value)> environment, params string[] arguments)
    {
        string[] ofBuilds = arguments[0] is "build" or "pack" ? ["--disable-build-servers", "-nologo", "-v:quiet"] : [];
        var start = new ProcessStartInfo("dotnet", [.. arguments, .. ofBuilds]) { WorkingDirectory = folder };
        foreach (string variable in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(variable);
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;
        return RunAsync(start, line: null, signal: null);
    }

    /// <summary>Runs a sample, and sends it a signal once a line of its standard error contains something.</summary>
    public static Task<ProgramRun> RunUntilAsync(string sample, string? line, string? signal, params string[] arguments) =>
        RunAsync(StartOf(sample, arguments), line, signal);

    /// <summary>What Ctrl-C sends; or the polite request to end, where this process was started to ignore Ctrl-C, as in the background of a script.</summary>
    public static string InterruptSignal()
    {
        string mask = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)).Split('\t')[1];
        return (Convert.ToUInt64(mask, 16) >> (Interrupt - 1) & 1) == 1 ? "TERM" : "INT";
    }

    private static ProcessStartInfo StartOf(string sample, string[] arguments) => new("dotnet", [PathOf(sample), .. arguments]);

    private static async Task<ProgramRun> RunAsync(ProcessStartInfo start, string? line, string? signal)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);

        // Other tests run at the same time, and threads of small operations would wait for each other.
        start.Environment.TryAdd("DOTNET_PROCESSOR_COUNT", "1");
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
}
