using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>
/// The process that is attacked. It takes a line of <see cref="CasesCommand"/> or <see cref="ReplayCommand"/> from the standard input, and
/// says when each case begins, with the memory before it, and how it ended; then <see cref="Done"/>.
/// </summary>
internal sealed class Child : IDisposable
{
    public const string Verb = "child";
    public const char Separator = '\t';
    public const string Begin = "begin";
    public const string End = "end";
    public const string Done = "done";
    public const string Failed = "failed";

    private const int LongestText = 4000;
    private const long MuchGarbage = Batch.MostLeftBehind / 2;
    private const string Library = "Microsoft.ML.Sla";
    private const string CommandLine = "Sla";

    private readonly Corpus _corpus;
    private readonly string _work;
    private readonly TextWriter _output;
    private readonly Dictionary<string, string> _answers = [];
    private readonly HashSet<string> _told = [];
    private Target? _target;
    private IFileReader? _reader;
    private long? _firstMemory;

    public Child(Corpus corpus, string work)
    {
        _corpus = corpus;
        _work = work;
        _output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };

        // What the library and the command line say is for nobody here.
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
    }

    /// <summary>The line for cases of a reader.</summary>
    /// <param name="target">The reader.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="first">The number of the first case.</param>
    /// <param name="count">Number of cases.</param>
    /// <param name="time">Time after which no other begins.</param>
    public static string CasesCommand(Target target, int seed, long first, long count, TimeSpan time) =>
        FormattableString.Invariant($"{target.Name}{Separator}{seed}{Separator}{first}{Separator}{count}{Separator}{time.Ticks}");

    /// <summary>The line for a file from outside, which is case 0.</summary>
    public static string ReplayCommand(Target target, string path) => $"{target.Name}{Separator}{path}";

    public int Run()
    {
        using (this)
        {
            while (Console.In.ReadLine() is { } line)
            {
                try
                {
                    Obey(line.Split(Separator));
                }
                catch (Exception exception)
                {
                    _output.WriteLine($"{Failed}{Separator}{exception.ToString().ReplaceLineEndings(" ")}");
                    return 1;
                }

                _output.WriteLine(Done);
            }
        }

        return 0;
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _output.Dispose();
    }

    private void Obey(string[] words)
    {
        Prepare(AllTargets.Named([words[0]])[0]);
        if (words is [_, var file])
        {
            Run(0, Case.OfFile(_target!, _corpus, file));
            return;
        }

        int seed = int.Parse(words[1], CultureInfo.InvariantCulture);
        long first = long.Parse(words[2], CultureInfo.InvariantCulture);
        long count = long.Parse(words[3], CultureInfo.InvariantCulture);
        var time = TimeSpan.FromTicks(long.Parse(words[4], CultureInfo.InvariantCulture));
        var clock = Stopwatch.StartNew();
        for (long i = 0; i < count && (i == 0 || clock.Elapsed < time); i++)
            Run(first + i, Case.Of(_target!, _corpus, seed, first + i));
    }

    /// <summary>Opens the reader, and reads the valid files, which it must accept.</summary>
    private void Prepare(Target target)
    {
        if (target == _target)
            return;
        _reader?.Dispose();
        _reader = target.Open(_corpus);
        _target = target;
        _answers.Clear();
        foreach (var file in _corpus.Files(target.Folder))
            _answers[file.Name] = _reader.Read(Write(new Case(file.Name, file.Bytes)));
    }

    private void Run(long number, Case input)
    {
        string path = Write(input);
        long before = MemoryBefore();
        _output.WriteLine(FormattableString.Invariant($"{Begin}{Separator}{number}{Separator}{before}"));
        var result = Read(number, input, path);
        long growth = ProcessMemory.Of(Environment.ProcessId).Peak - before;
        if (growth > Batch.MostMemory)
            result = new CaseResult(number, Outcome.Memory, $"took {growth >> 20} MiB", result.What);
        _output.WriteLine($"{End}{Separator}{JsonSerializer.Serialize(result)}");
    }

    /// <summary>The memory that a case begins with. Where earlier ones have left much, it is freed first: what is left then is kept by somebody.</summary>
    private long MemoryBefore()
    {
        long now = ProcessMemory.Of(Environment.ProcessId).Now;
        if (now - (_firstMemory ??= now) > MuchGarbage)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            now = ProcessMemory.Of(Environment.ProcessId).Now;
        }

        ProcessMemory.Reset();
        return now;
    }

    private CaseResult Read(long number, Case input, string path)
    {
        try
        {
            string answer = _reader!.Read(path);
            return _target!.ComparesAnswers && answer != _answers[input.FileName]
                ? new CaseResult(number, Outcome.Wrong, "accepted with another answer", Shortened($"{answer}\nand not\n{_answers[input.FileName]}"))
                : new CaseResult(number, Outcome.Accepted, "", null);
        }
        catch (Exception exception)
        {
            return Classify(number, exception, path);
        }
    }

    private CaseResult Classify(long number, Exception exception, string path)
    {
        string what = $"{exception.GetType().Name} at {OriginOf(exception)}";
        var outcome = !_target!.Documents(exception) ? Outcome.Undocumented
            : exception.Message.Contains(Path.GetFileName(path), StringComparison.Ordinal) ? Outcome.Named
            : Outcome.Unnamed;
        return new CaseResult(number, outcome, what, _told.Add($"{_target.Name} {outcome} {what}") ? Shortened(exception.ToString()) : null);
    }

    private static string Shortened(string text) => text[..Math.Min(text.Length, LongestText)];

    /// <summary>The innermost method of the library on the way to the exception.</summary>
    private static string OriginOf(Exception exception)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            foreach (var frame in new StackTrace(inner).GetFrames())
            {
                if (frame.GetMethod() is { DeclaringType: { Namespace: { } space } type } method && IsLibrary(space))
                    return $"{type.Name}.{method.Name}";
            }
        }

        return exception.TargetSite is MethodBase site ? $"{site.DeclaringType?.Name}.{site.Name}" : "an unknown place";
    }

    private static bool IsLibrary(string space) =>
        (space == CommandLine || space.StartsWith(Library, StringComparison.Ordinal)) && !space.StartsWith(typeof(Child).Namespace!, StringComparison.Ordinal);

    private string Write(Case input)
    {
        string folder = Path.Combine(_work, _target?.Name ?? "");
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, input.FileName);
        File.WriteAllBytes(path, input.Bytes);
        return path;
    }
}
