using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// Runs side by side, each in a process of its own, so that one that fails takes no other with it and the memory of each is given back. A run
/// that is stopped is begun anew by the next command; those that ended are not run again.
/// </summary>
internal sealed class Runner(Arguments arguments)
{
    /// <summary>The verb of a process that measures one run and prints its line.</summary>
    public const string ChildVerb = "measure";

    private readonly Lock _appending = new();
    private int _ended;
    private int _failed;

    /// <returns>0, or 1 where a run failed.</returns>
    public async Task<int> RunAsync(IReadOnlyList<Study> studies)
    {
        var all = studies.SelectMany(study => study.ListRuns().Select(run => new Job(study, arguments.LinesOf(study), run))).DistinctBy(job => (job.File, job.Run)).ToArray();
        var done = studies.DistinctBy(arguments.LinesOf).ToDictionary(arguments.LinesOf, study => Done(study));
        Job[] left = [.. all.Where(job => job.Run.Seed <= arguments.Seeds && !done[job.File].Contains(job.Run)).OrderBy(job => job.Run.Seed)];
        Console.WriteLine($"{all.Length} runs, {left.Length} of them to do, on {arguments.Processes} threads");

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
            // What others need comes before them; of these, runs of as many threads run side by side.
            foreach (var alike in left.GroupBy(job => (IsAfter: job.Run.After is not null, job.Run.Cores)).OrderBy(group => group.Key))
            {
                var sideBySide = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, arguments.Processes / alike.Key.Cores), CancellationToken = stop.Token };
                await Parallel.ForEachAsync(alike, sideBySide, (job, token) => DoAsync(job, left.Length, token)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine("Stopped. The same command goes on.");
            return 1;
        }

        return _failed == 0 ? 0 : 1;
    }

    private async ValueTask DoAsync(Job job, int count, CancellationToken token)
    {
        // Another command may have done it meanwhile.
        string? error = Done(job.Study).Contains(job.Run) ? null : await MeasureAsync(job, token).ConfigureAwait(false);
        int number = Interlocked.Increment(ref _ended);
        if (error is not null)
            Interlocked.Increment(ref _failed);
        Console.WriteLine($"{DateTime.Now:T} {number}/{count} {job.Study.Name} {job.Json}{(error is null ? "" : $": FAILED, {error}")}");
    }

    private HashSet<IRun> Done(Study study)
    {
        lock (_appending)
            return Lines.Done(study, arguments.LinesOf(study));
    }

    /// <returns>What went wrong, or null.</returns>
    private async Task<string?> MeasureAsync(Job job, CancellationToken token)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(Runner).Assembly.Location);
        foreach (string argument in (string[])[ChildVerb, job.Study.File, job.Json, .. arguments.ForChild])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        try
        {
            var errors = process.StandardError.ReadToEndAsync(token);
            string output = await process.StandardOutput.ReadToEndAsync(token).ConfigureAwait(false);
            await process.WaitForExitAsync(token).ConfigureAwait(false);
            if (process.ExitCode != 0)
                return (await errors.ConfigureAwait(false)).Trim();

            var line = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!.AsObject();
            lock (_appending)
                Lines.Append(job.File, line, $"dotnet run -c Release --project benchmarks/Studies -- {arguments.Command}");
            return null;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>A run of a study, and the file that its line goes to.</summary>
    private sealed record Job(Study Study, string File, IRun Run)
    {
        public string Json => JsonSerializer.Serialize(Run, Run.GetType(), Lines.Json);
    }
}
