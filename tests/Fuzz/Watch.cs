using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>Has cases run in a process of their own. Whatever happens to that process, another one goes on at the next case.</summary>
internal sealed class Watch(Options options) : IDisposable
{
    private const int Passed = 0;
    private const int Failed = 1;
    private const int NotRun = 2;

    private const int MostFailedStarts = 3;
    private const int MostSaved = 10;
    private const double LeastSeconds = 1;

    /// <summary>A process whose watch is gone learns of it at the end of its batch.</summary>
    private static readonly TimeSpan LongestBatch = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan MostWriting = TimeSpan.FromMinutes(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-fuzz-").FullName;
    private readonly OutcomeTable _table = new();
    private ChildProcess? _child;

    private string CorpusFolder => Path.Combine(_folder, "corpus");

    private string Temporary => Directory.CreateDirectory(Path.Combine(_folder, "temporary")).FullName;

    /// <returns>The exit code: 0 where no case has failed, 1 where one has, 2 where the cases could not be run.</returns>
    public int Run()
    {
        var clock = Stopwatch.StartNew();
        using (var writer = new ChildProcess(Temporary, Corpus.Verb, CorpusFolder))
        {
            if (!writer.Finish(MostWriting))
            {
                Console.Error.WriteLine($"The valid files could not be made. {writer.Errors}");
                return NotRun;
            }
        }

        var corpus = new Corpus(CorpusFolder);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"seed {options.Seed}, valid files {corpus.Hash}, made in {clock.Elapsed.TotalSeconds:F1} s"));
        return options.Replay is null && options.Case is null ? RunAll(corpus, clock) : RunOne(corpus);
    }

    public void Dispose()
    {
        _child?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private int RunAll(Corpus corpus, Stopwatch clock)
    {
        bool areAllRun = true;
        foreach (var (target, i) in options.Targets.Select((target, i) => (target, i)))
        {
            // What the readers before it have left over is shared among those that are left.
            double? share = (options.Seconds - clock.Elapsed.TotalSeconds) / (options.Targets.Count - i);
            areAllRun &= Attack(target, corpus, share is { } seconds ? TimeSpan.FromSeconds(Math.Max(LeastSeconds, seconds)) : null);
        }

        _table.Write(Console.Out);
        return !areAllRun ? NotRun : _table.HasFailed ? Failed : Passed;
    }

    private int RunOne(Corpus corpus)
    {
        if (options.Targets is not [var target])
        {
            Console.Error.WriteLine("Give the one reader with --reader NAME.");
            return NotRun;
        }

        string command = options.Replay is { } file
            ? Child.ReplayCommand(target, Path.GetFullPath(file))
            : Child.CasesCommand(target, options.Seed, options.Case!.Value, count: 1, LongestBatch);
        CaseResult? result = null;
        Follow(target, command, one => result = one);
        if (result is null)
            return NotRun;
        Console.WriteLine($"{result.Outcome}: {result.What}\n{result.Text}");
        if (options.Case is not null)
            Console.WriteLine($"The input is '{Save(target, corpus, result)}'.");
        return result.IsFailure ? Failed : Passed;
    }

    /// <summary>Runs the cases of a reader, in as many processes as it takes.</summary>
    /// <param name="target">The reader.</param>
    /// <param name="corpus">The valid files.</param>
    /// <param name="time">Time from the first case on; null for no limit.</param>
    /// <returns>Whether the reader could be attacked at all.</returns>
    private bool Attack(Target target, Corpus corpus, TimeSpan? time)
    {
        var row = _table.Add(target);
        var clock = new Stopwatch();
        long most = options.Cases ?? long.MaxValue;
        long next = 0;
        int failedStarts = 0;
        while (next < most && !(clock.Elapsed >= time) && failedStarts < MostFailedStarts)
        {
            var left = time - clock.Elapsed;
            string command = Child.CasesCommand(target, options.Seed, next, most - next, left < LongestBatch ? left.Value : LongestBatch);
            long? hung = null;
            var end = Follow(target, command, result =>
            {
                clock.Start();
                next = result.Number + 1;
                if (result.Outcome == Outcome.Hang)
                    hung = result.Number;
                else
                    Count(result);
            });

            // On a busy machine a case may seem to hang: it counts where it does so once more.
            if (hung is { } number)
                end = Follow(target, Child.CasesCommand(target, options.Seed, number, count: 1, LongestBatch), Count);
            failedStarts += end == BatchEnd.NotBegun ? 1 : 0;
        }

        row.Elapsed = clock.Elapsed;
        return failedStarts < MostFailedStarts;

        void Count(CaseResult result)
        {
            if (row.Count(result) <= MostSaved && result.IsFailure)
                Console.WriteLine($"{target.Name} case {result.Number}: {result.Outcome}, {result.What}; saved as '{Save(target, corpus, result)}'");
        }
    }

    private BatchEnd Follow(Target target, string command, Action<CaseResult> take)
    {
        _child ??= new ChildProcess(Temporary, Child.Verb, CorpusFolder, Path.Combine(_folder, "work"));
        _child.Send(command);
        var end = new Batch(target.Name, _child, take).Run();
        if (end != BatchEnd.Done)
        {
            _child.Dispose();
            _child = null;
        }

        return end;
    }

    private string Save(Target target, Corpus corpus, CaseResult result)
    {
        Directory.CreateDirectory(options.Out);
        var input = Case.Of(target, corpus, options.Seed, result.Number);
        string path = Path.Combine(options.Out, FormattableString.Invariant($"{target.Name}-{options.Seed}-{result.Number}-{result.Outcome}-{input.FileName}"));
        File.WriteAllBytes(path, input.Bytes);
        if (!string.IsNullOrEmpty(result.Text))
            File.WriteAllText(path + ".txt", $"{result.What}\n{result.Text}\n");
        return path;
    }
}
