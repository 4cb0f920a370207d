using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>A training that an <see cref="SlaExperiment"/> began, with one configuration.</summary>
public sealed class SlaTrial
{
    private readonly List<SlaTrialInterval> _intervals = [];

    internal SlaTrial(int number, IReadOnlyDictionary<string, string> configuration, int seed)
    {
        Number = number;
        Configuration = configuration;
        Seed = seed;
    }

    /// <summary>Its number, counted from 1, in the order in which trials began.</summary>
    public int Number { get; }

    /// <summary>The values by dimension of the search space. The options of the experiment decide the rest.</summary>
    public IReadOnlyDictionary<string, string> Configuration { get; }

    /// <summary>The configuration as text, such as <c>Transformations=rotation, LearningRate=0.05</c>, or <c>defaults</c>.</summary>
    public string Name => NameOf(Configuration);

    /// <summary>The seed of its training, that of all trials.</summary>
    public int Seed { get; }

    /// <summary>Number of epochs of its whole training, as planned; 0 where it broke before there was a plan.</summary>
    public int Epochs { get; internal set; }

    /// <summary>Number of steps of its whole training, as planned.</summary>
    public long Steps { get; internal set; }

    /// <summary>The parts of its training that are complete, in order.</summary>
    public IReadOnlyList<SlaTrialInterval> Intervals => _intervals;

    /// <summary>The last of them; null where there is none.</summary>
    [JsonIgnore]
    public SlaTrialInterval? Last => _intervals is [.., var last] ? last : null;

    /// <summary>Why it broke; null where it did not.</summary>
    public string? Failure { get; internal set; }

    /// <inheritdoc/>
    public override string ToString() => $"trial {Number} ({Name})";

    internal static string NameOf(IReadOnlyDictionary<string, string> configuration) =>
        configuration.Count == 0 ? "defaults" : string.Join(", ", configuration.Select(entry => $"{entry.Key}={entry.Value}"));

    internal void Add(SlaTrialInterval interval) => _intervals.Add(interval);
}

/// <summary>A part of a trial's training, at whose end it was measured on the validation rows.</summary>
/// <param name="Rung">Its number, counted from 0. Trials are compared at the same rung.</param>
/// <param name="Steps">Steps done at its end, of each of the trial's trainings.</param>
/// <param name="Seconds">Time that it took, its measurement included.</param>
/// <param name="Elapsed">Seconds since the experiment began, at its end.</param>
/// <param name="Accuracy">Share of the validation rows whose class is predicted, 0 to 1; on folds, the mean of the folds.</param>
/// <param name="MacroAccuracy">The mean of that share over the classes.</param>
/// <param name="LogLoss">Mean cross-entropy, in nats.</param>
/// <param name="Against">How it compares with the best trial of the rung so far; null for the first.</param>
public sealed record SlaTrialInterval(
    int Rung, long Steps, double Seconds, double Elapsed, double Accuracy, double MacroAccuracy, double LogLoss, SlaPairedComparison? Against);

/// <summary>Two trials on the same validation rows: what is wrong for both, or right for both, does not tell them apart (McNemar 1947).</summary>
/// <param name="Trial">Number of the other trial.</param>
/// <param name="Better">Number of rows that this one has right and the other has not.</param>
/// <param name="Worse">Number of rows that the other one has right and this one has not.</param>
/// <param name="Difference">Accuracy of this one less that of the other.</param>
/// <param name="StandardError">Standard error of the difference.</param>
public sealed record SlaPairedComparison(int Trial, int Better, int Worse, double Difference, double StandardError)
{
    /// <summary>Compares row by row.</summary>
    internal static SlaPairedComparison Of(bool[] isRight, int trial, bool[] isRightThere)
    {
        int rows = isRight.Length;
        int better = isRight.Zip(isRightThere).Count(row => row.First && !row.Second);
        int worse = isRight.Zip(isRightThere).Count(row => !row.First && row.Second);
        double difference = (double)(better - worse) / rows;
        double variance = ((double)(better + worse) / rows) - (difference * difference);
        return new SlaPairedComparison(trial, better, worse, difference, Math.Sqrt(variance / rows));
    }
}
