using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>What became of the process that had the cases.</summary>
internal enum BatchEnd
{
    /// <summary>It has run them all and waits for others.</summary>
    Done,

    /// <summary>It is to be replaced; the cases go on behind the last one.</summary>
    Broken,

    /// <summary>It could not begin a case.</summary>
    NotBegun,
}

/// <summary>Cases that a process runs by one command. They end with it, or with the first case that takes too long or too much memory.</summary>
/// <param name="name">Name of the reader, for messages.</param>
/// <param name="child">The process.</param>
/// <param name="take">What hears of each case that has ended.</param>
internal sealed class Batch(string name, ChildProcess child, Action<CaseResult> take)
{
    /// <summary>What a case may take beyond what the process has before it, in bytes.</summary>
    public const long MostMemory = 1L << 30;

    /// <summary>Memory that cases have left behind, in bytes, at which the process is replaced: it is not that of the next case.</summary>
    public const long MostLeftBehind = MostMemory / 2;

    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MostPreparation = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private readonly Stopwatch _sinceLook = Stopwatch.StartNew();
    private long? _case;
    private bool _isRunning;
    private long _before;

    public BatchEnd Run()
    {
        while (child.TryNext(out string? line, Look))
        {
            if (line is not null && Take(line) is { } end)
                return end;
            if (_sinceLine.Elapsed > (_isRunning ? MostTime : MostPreparation))
                return Fail(Outcome.Hang, string.Create(CultureInfo.InvariantCulture, $"took more than {_sinceLine.Elapsed.TotalSeconds:F0} s"));
            if (_isRunning && _sinceLook.Elapsed > Look && Growth() is > MostMemory and var growth)
                return Fail(Outcome.Memory, $"took {growth >> 20} MiB and more");
        }

        return Fail(Outcome.Crash, child.Ending());
    }

    private BatchEnd? Take(string line)
    {
        _sinceLine.Restart();
        switch (line.Split(Child.Separator, count: 2))
        {
            case [Child.Begin, var numbers]:
                string[] words = numbers.Split(Child.Separator);
                _case = long.Parse(words[0], CultureInfo.InvariantCulture);
                _before = long.Parse(words[1], CultureInfo.InvariantCulture);
                _isRunning = true;
                child.FirstMemory ??= _before;
                return null;
            case [Child.End, var result]:
                _isRunning = false;
                take(JsonSerializer.Deserialize<CaseResult>(result)!);
                return HasTooMuchLeft() ? BatchEnd.Broken : null;
            case [Child.Done]:
                return BatchEnd.Done;
            case [Child.Failed, var exception]:
                Console.WriteLine($"{name}: {exception}");
                return BatchEnd.NotBegun;
            default:
                // Something that a native library says.
                return null;
        }
    }

    private long Growth()
    {
        _sinceLook.Restart();
        return child.Memory - _before;
    }

    private bool HasTooMuchLeft()
    {
        long left = _before - child.FirstMemory!.Value;
        if (left > MostLeftBehind)
            Console.WriteLine($"{name} case {_case}: {left >> 20} MiB were left behind by the cases before, and the process is replaced");
        return left > MostLeftBehind;
    }

    private BatchEnd Fail(Outcome outcome, string what)
    {
        if (_case is not { } number)
        {
            Console.WriteLine($"{name}: before the first case, the process {what}. {child.Errors}");
            return BatchEnd.NotBegun;
        }

        take(new CaseResult(number, outcome, what, child.Errors));
        return BatchEnd.Broken;
    }
}
