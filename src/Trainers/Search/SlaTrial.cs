using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>A training of one configuration in an <see cref="SlaExperiment"/>.</summary>
public sealed class SlaTrial
{
    private readonly List<SlaTrialInterval> _intervals = [];

    internal SlaTrial(int number, IReadOnlyDictionary<string, string> configuration, int seed)
    {
        Number = number;
        Configuration = configuration;
        Seed = seed;
    }

    /// <summary>The trial's number, counted from 1, in the order in which trials began.</summary>
    public int Number { get; }

    /// <summary>The values by dimension of the search space. The options of the experiment decide the rest.</summary>
    public IReadOnlyDictionary<string, string> Configuration { get; }

    /// <summary>The configuration as text, such as <c>Transformations=rotation, LearningRate=0.05</c>, or <c>defaults</c>.</summary>
    public string Name => NameOf(Configuration);

    /// <summary>The seed of the training, the same for all trials.</summary>
    public int Seed { get; }

    /// <summary>Planned number of epochs of the whole training; 1 with a frozen backbone; 0 if the trial failed before it was planned.</summary>
    public int Epochs { get; internal set; }

    /// <summary>Planned number of steps of the whole training; 1 with a frozen backbone.</summary>
    public long Steps { get; internal set; }

    /// <summary>The complete parts of the training, in order.</summary>
    public IReadOnlyList<SlaTrialInterval> Intervals => _intervals;

    /// <summary>The latest interval; null if there is none.</summary>
    [JsonIgnore]
    public SlaTrialInterval? Last => _intervals is [.., var last] ? last : null;

    /// <summary>
    /// Whether the trial was measured at the end of its training. A trial with a frozen backbone is complete after its first interval, and is compared with
    /// the others at all rungs.
    /// </summary>
    [JsonIgnore]
    public bool IsComplete => Last is { } last && last.Steps >= Steps;

    /// <summary>Why the trial failed; null if it did not.</summary>
    public string? Failure { get; internal set; }

    /// <summary>The trial's number and configuration, such as <c>trial 3 (defaults)</c>.</summary>
    public override string ToString() => $"trial {Number} ({Name})";

    internal static string NameOf(IReadOnlyDictionary<string, string> configuration) =>
        configuration.Count == 0 ? "defaults" : string.Join(", ", configuration.Select(entry => $"{entry.Key}={entry.Value}"));

    internal void Add(SlaTrialInterval interval) => _intervals.Add(interval);
}

/// <summary>A part of a trial's training, and its measurement on the validation rows at the end.</summary>
public sealed record SlaTrialInterval
{
    /// <summary>The interval's number, counted from 0. Trials are compared at the same rung.</summary>
    public required int Rung { get; init; }

    /// <summary>Steps done at the end of the interval, in each of the trial's trainings.</summary>
    public required long Steps { get; init; }

    /// <summary>Seconds that the interval took, including its measurement.</summary>
    public required double Seconds { get; init; }

    /// <summary>Seconds from the start of the experiment to the end of the interval.</summary>
    public required double Elapsed { get; init; }

    /// <summary>Share of the validation rows whose class is predicted, 0 to 1; with folds, the mean of the folds.</summary>
    public required double Accuracy { get; init; }

    /// <summary>The mean of that share over the classes, 0 to 1.</summary>
    public required double MacroAccuracy { get; init; }

    /// <summary>Mean cross-entropy, in nats.</summary>
    public required double LogLoss { get; init; }

    /// <summary>The comparison with the best trial of the rung so far; null for the first trial of the rung.</summary>
    public SlaPairedComparison? Against { get; init; }
}

/// <summary>
/// A comparison of two trials on the same validation rows. Only rows that one trial predicts correctly and the other does not count (McNemar 1947).
/// </summary>
public sealed record SlaPairedComparison
{
    /// <summary>Number of the other trial.</summary>
    public required int Trial { get; init; }

    /// <summary>Number of rows that only this trial predicts correctly.</summary>
    public required int Better { get; init; }

    /// <summary>Number of rows that only the other trial predicts correctly.</summary>
    public required int Worse { get; init; }

    /// <summary>Accuracy of this trial minus that of the other.</summary>
    public required double Difference { get; init; }

    /// <summary>Standard error of the difference.</summary>
    public required double StandardError { get; init; }

    /// <summary>Compares two trials row by row.</summary>
    internal static SlaPairedComparison Of(bool[] isRight, int trial, bool[] isRightThere)
    {
        int rows = isRight.Length;
        int better = isRight.Zip(isRightThere).Count(row => row.First && !row.Second);
        int worse = isRight.Zip(isRightThere).Count(row => !row.First && row.Second);
        double difference = (double)(better - worse) / rows;
        double variance = ((double)(better + worse) / rows) - (difference * difference);
        return new SlaPairedComparison { Trial = trial, Better = better, Worse = worse, Difference = difference, StandardError = Math.Sqrt(variance / rows) };
    }
}
