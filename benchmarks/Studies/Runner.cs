using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// Trains runs side by side, each in a process of its own, so that one that fails takes no other with it and the memory of each is given back. A run
/// that is stopped is begun anew by the next command; those that ended are not trained again.
/// </summary>
internal sealed class Runner(Arguments arguments)
{
    /// <summary>The verb of a process that trains one run and prints its line.</summary>
    public const string ChildVerb = "train";

    private readonly Lock _appending = new();

    /// <returns>0, or 1 where a run failed.</returns>
    public async Task<int> RunAsync(IReadOnlyList<Run> runs)
    {
        Run[] left = [.. runs.Distinct().Where(run => run.Seed <= arguments.Seeds).Except(Done()).OrderBy(run => run.Seed)];
        Console.WriteLine($"{runs.Distinct().Count()} runs, {left.Length} of them to do, on {arguments.Processes} processes of one thread");
        int ended = 0, failed = 0;
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        using var interruption = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            await Parallel.ForEachAsync(left, new ParallelOptions { MaxDegreeOfParallelism = arguments.Processes, CancellationToken = stop.Token }, async (run, token) =>
            {
                // Another command may have trained it meanwhile.
                string? error = Done().Contains(run) ? null : await TrainAsync(run, token).ConfigureAwait(false);
                int number = Interlocked.Increment(ref ended);
                if (error is not null)
                    Interlocked.Increment(ref failed);
                Console.WriteLine($"{DateTime.Now:T} {number}/{left.Length} {run}{(error is null ? "" : $": FAILED, {error}")}");
            }).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine("Stopped. The same command goes on.");
            return 1;
        }

        return failed == 0 ? 0 : 1;
    }

    private HashSet<Run> Done()
    {
        lock (_appending)
            return [.. Lines.Read(arguments.Results).Where(line => line.IsOfThisLibrary).Select(line => line.Run)];
    }

    /// <returns>What went wrong, or null.</returns>
    private async Task<string?> TrainAsync(Run run, CancellationToken token)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(Runner).Assembly.Location);
        foreach (string argument in (string[])[ChildVerb, JsonSerializer.Serialize(run, Lines.Json), .. arguments.ForChild])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        try
        {
            var errors = process.StandardError.ReadToEndAsync(token);
            string output = await process.StandardOutput.ReadToEndAsync(token).ConfigureAwait(false);
            await process.WaitForExitAsync(token).ConfigureAwait(false);
            if (process.ExitCode != 0)
                return (await errors.ConfigureAwait(false)).Trim();

            var line = JsonSerializer.Deserialize<Line>(output.TrimEnd().Split('\n')[^1], Lines.Json)!;
            lock (_appending)
                Lines.Append(arguments.Results, line with { Command = $"dotnet run -c Release --project benchmarks/Studies -- {arguments.Command}", Date = DateTimeOffset.UtcNow });
            return null;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
