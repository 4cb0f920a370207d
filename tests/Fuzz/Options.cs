using System.CommandLine;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>What the command line asks for.</summary>
/// <param name="Seconds">Time for all readers together; null for none.</param>
/// <param name="Seed">The seed of all cases.</param>
/// <param name="Targets">The readers to attack.</param>
/// <param name="Cases">Cases of each reader; null for as many as there is time for.</param>
/// <param name="Case">The one case to run; null for all from 0 on.</param>
/// <param name="Replay">The file to read instead of cases; null for none.</param>
/// <param name="Out">Folder for the inputs of cases that fail.</param>
internal sealed record Options(
    double? Seconds, int Seed, IReadOnlyList<Target> Targets, long? Cases, long? Case, string? Replay, string Out)
{
    private const double DefaultSeconds = 60;

    /// <summary>The command, whose exit code is that of <paramref name="run"/>.</summary>
    public static RootCommand Command(Func<Options, int> run)
    {
        var seconds = new Option<double?>("--seconds") { Description = $"Time for all readers together. Default {DefaultSeconds}, or none with --cases." };
        var seed = new Option<int>("--seed") { Description = "The seed of all cases.", DefaultValueFactory = _ => 1 };
        var readers = new Option<string[]>("--reader")
        {
            Description = "Readers to attack: a name, or the first word of several. Default all: "
                + $"{string.Join(", ", AllTargets.All.Select(target => target.Name))}.",
            AllowMultipleArgumentsPerToken = true,
        };
        readers.Validators.Add(result =>
        {
            if (AllTargets.Unknown(result.GetValueOrDefault<string[]>()) is { } name)
                result.AddError($"There is no reader '{name}'. Type --help to see which there are.");
        });
        var cases = new Option<long?>("--cases") { Description = "Cases of each reader." };
        var number = new Option<long?>("--case") { Description = "Runs one case of one reader, and says all about it." };
        var replay = new Option<string?>("--replay") { Description = "Reads a file with one reader, and says all about it." };
        var folder = new Option<string>("--out")
        {
            Description = "Folder for the inputs of cases that fail.",
            DefaultValueFactory = _ => Path.Combine("artifacts", "fuzz"),
        };
        var command = new RootCommand("Attacks every reader of files of the library with mutated files.")
        {
            seconds, seed, readers, cases, number, replay, folder,
        };
        command.SetAction(parsed =>
        {
            long? count = parsed.GetValue(cases);
            return run(new Options(
                parsed.GetValue(seconds) ?? (count is null ? DefaultSeconds : null),
                parsed.GetValue(seed),
                AllTargets.Named(parsed.GetValue(readers) ?? []),
                count,
                parsed.GetValue(number),
                parsed.GetValue(replay),
                Path.GetFullPath(parsed.GetValue(folder)!)));
        });
        return command;
    }
}
