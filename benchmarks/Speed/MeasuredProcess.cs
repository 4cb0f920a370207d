using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Speed;

/// <summary>Runs a program that measures something and prints it as a line of JSON.</summary>
internal static class MeasuredProcess
{
    private const string Python = "/usr/bin/python3";

    /// <summary>Runs a measurement of this program.</summary>
    /// <inheritdoc cref="Run"/>
    public static JsonObject OfThis(params IEnumerable<string> arguments) => Run(Environment.ProcessPath!, arguments);

    /// <summary>Runs a script in the system's Python, for which there are packages of PyTorch.</summary>
    /// <inheritdoc cref="Run"/>
    public static JsonObject OfPython(string script, params IEnumerable<string> arguments) => Run(Python, [script, .. arguments]);

    /// <returns>What it printed last, with <c>process_s</c> and <c>peak_mib</c>.</returns>
    /// <exception cref="InvalidOperationException">It ended with an error.</exception>
    private static JsonObject Run(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        double peak = 0;
        var clock = Stopwatch.StartNew();
        while (!process.WaitForExit(50))
            peak = Math.Max(peak, PeakMebibytes(process.Id));
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}.");

        var measured = JsonNode.Parse(output.Result.Trim().Split('\n')[^1])!.AsObject();
        measured["process_s"] = clock.Elapsed.TotalSeconds;
        measured["peak_mib"] = peak;
        return measured;
    }

    /// <summary>The largest resident memory of a process so far (VmHWM); 0 once it has ended.</summary>
    private static double PeakMebibytes(int process)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
