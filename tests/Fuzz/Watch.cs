using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>
/// Has cases run in a process of their own, and ends it where a case takes too long or too much memory. Whatever happens to that process,
/// the next one goes on at the next case.
/// </summary>
internal sealed class Watch(Options options) : IDisposable
{
    /// <summary>What a case may take beyond what the process has before it, in bytes.</summary>
    public const long MostMemory = 1L << 30;

    /// <summary>Memory that cases have left behind, in bytes, at which the process is replaced: it is not that of the next case.</summary>
    private const long MostLeftBehind = MostMemory / 2;

    private const int MostFailedStarts = 3;
    private const int MostSaved = 10;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MostPreparation = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-fuzz-").FullName;
    private readonly OutcomeTable _table = new();
    private ChildProcess? _child;
    private long _firstMemory;

    private string Temporary => Directory.CreateDirectory(Path.Combine(_folder, "temporary")).FullName;

    private string CorpusFolder => Path.Combine(_folder, "corpus");

    /// <returns>The exit code: 0 where no case has failed, 1 where one has, 2 where the cases could not be run.</returns>
    public int Run()
    {
        var clock = Stopwatch.StartNew();
        using (var writer = new ChildProcess(Temporary, Corpus.Verb, CorpusFolder))
        {
            if (!writer.Finish(MostPreparation))
                throw new InvalidOperationException($"The valid files could not be made. {writer.Errors}");
        }

        var corpus = new Corpus(CorpusFolder);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {options.Seed}, valid files {corpus.Hash}, made in {clock.Elapsed.TotalSeconds:F1} s"));
        if (options.Replay is not null || options.Case is not null)
            return RunOne(corpus);

        bool isWhole = true;
        for (int i = 0; i < options.Targets.Count; i++)
        {
            // What the readers before it left over is shared among those that are left.
            double share = options.Seconds is { } seconds ? Math.Max(1, (seconds - clock.Elapsed.TotalSeconds) / (options.Targets.Count - i)) : double.MaxValue;
            isWhole &= Attack(options.Targets[i], corpus, share);
        }

        _table.Write(Console.Out);
        return !isWhole ? 2 : _table.HasFailed(options.IsStrict) ? 1 : 0;
    }

    public void Dispose()
    {
        _child?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private int RunOne(Corpus corpus)
    {
        if (options.Targets is not [var target])
        {
            Console.Error.WriteLine("Give the one reader with --reader NAME.");
            return 2;
        }

        var command = options.Replay is { } file
            ? $"{target.Name}\t{Path.GetFullPath(file)}"
            : FormattableString.Invariant($"{target.Name}\t{options.Seed}\t{options.Case}\t1\t{DateTime.MaxValue.Ticks}");
        var results = new List<CaseResult>();
        bool isWhole = Follow(target, command, results.Add);
        foreach (var result in results)
            Console.WriteLine($"{result.Outcome}: {result.What}\n{result.Text}");
        if (options.Case is { } number && isWhole)
            Console.WriteLine($"The input is '{Save(target, corpus, results[0] with { Number = number })}'.");
        return !isWhole ? 2 : results.Exists(result => options.IsStrict ? result.IsStrictFailure : result.IsFailure) ? 1 : 0;
    }

    /// <summary>Runs the cases of a reader, in as many processes as it takes.</summary>
    /// <returns>Whether the reader could be attacked at all.</returns>
    private bool Attack(Target target, Corpus corpus, double seconds)
    {
        var row = _table.Add(target);
        var clock = Stopwatch.StartNew();
        var end = seconds < TimeSpan.FromDays(365).TotalSeconds ? DateTime.UtcNow.AddSeconds(seconds) : DateTime.MaxValue;
        long most = options.Cases ?? long.MaxValue;
        long next = 0;
        int failedStarts = 0;
        while (next < most && DateTime.UtcNow < end && failedStarts < MostFailedStarts)
        {
            bool isFollowed = Follow(target, FormattableString.Invariant($"{target.Name}\t{options.Seed}\t{next}\t{most - next}\t{end.Ticks}"), result =>
            {
                next = result.Number + 1;
                if (row.Count(result) <= MostSaved && result.IsFailure)
                    Console.WriteLine($"{target.Name} case {result.Number}: {result.Outcome}, {result.What}; saved as '{Save(target, corpus, result)}'");
            });
            if (!isFollowed)
                failedStarts++;
        }

        row.Elapsed = clock.Elapsed;
        return failedStarts < MostFailedStarts;
    }

    /// <summary>Sends a command to the child and takes its results, to the end of the command or of the child.</summary>
    /// <returns>False where the child could not even begin a case.</returns>
    private bool Follow(Target target, string command, Action<CaseResult> take)
    {
        _child ??= new ChildProcess(Temporary, Child.Verb, CorpusFolder, Path.Combine(_folder, "work"));
        _child.Send(command);
        long? last = null;
        bool isRunning = false;
        long before = 0;
        var since = Stopwatch.StartNew();
        var looked = Stopwatch.StartNew();
        while (_child.TryNext(out string? line, Look))
        {
            if (line is not null && line.StartsWith(Child.Begin, StringComparison.Ordinal))
            {
                string[] numbers = line[Child.Begin.Length..].Split(' ');
                last = long.Parse(numbers[0], CultureInfo.InvariantCulture);
                before = long.Parse(numbers[1], CultureInfo.InvariantCulture);
                _firstMemory = _firstMemory == 0 ? before : _firstMemory;
                isRunning = true;
                since.Restart();
            }
            else if (line is not null && line.StartsWith(Child.End, StringComparison.Ordinal))
            {
                take(JsonSerializer.Deserialize<CaseResult>(line[Child.End.Length..])!);
                isRunning = false;
                since.Restart();
                if (before - _firstMemory > MostLeftBehind)
                {
                    Console.WriteLine($"{target.Name} case {last}: {(before - _firstMemory) >> 20} MiB were left behind by the cases before, and the process is replaced");
                    return Replace();
                }
            }
            else if (line == Child.Done)
            {
                return true;
            }
            else if (line is not null && line.StartsWith(Child.Failed, StringComparison.Ordinal))
            {
                Console.WriteLine($"{target.Name}: {line[Child.Failed.Length..].Replace(" | ", "\n", StringComparison.Ordinal)}");
                return !Replace();
            }

            if (since.Elapsed > (isRunning ? MostTime : MostPreparation))
                return End(Outcome.Hang, $"took more than {since.Elapsed.TotalSeconds:F0} s");
            if (isRunning && looked.Elapsed > Look)
            {
                looked.Restart();
                long growth = _child.Memory - before;
                if (growth > MostMemory)
                    return End(Outcome.Memory, $"took {growth >> 20} MiB and more");
            }
        }

        return End(Outcome.Crash, _child.Ending());

        bool End(Outcome outcome, string what)
        {
            string errors = _child!.Errors;
            Replace();
            if (last is { } number)
                take(new CaseResult(number, outcome, what, errors));
            else
                Console.WriteLine($"{target.Name}: before the first case, the process {what}. {errors}");
            return last is not null;
        }
    }

    /// <summary>Ends the child; the next command starts another.</summary>
    private bool Replace()
    {
        _child!.Dispose();
        _child = null;
        _firstMemory = 0;
        return true;
    }

    private string Save(Target target, Corpus corpus, CaseResult result)
    {
        Directory.CreateDirectory(options.Out);
        var input = Case.Of(target, corpus, options.Seed, result.Number);
        string path = Path.Combine(options.Out, FormattableString.Invariant($"{target.Name}-{options.Seed}-{result.Number}-{result.Outcome}-{input.FileName}"));
        File.WriteAllBytes(path, input.Bytes);
        if (result.Text is not null)
            File.WriteAllText(path + ".txt", $"{result.What}\n{result.Text}\n");
        return path;
    }
}
