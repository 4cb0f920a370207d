namespace Microsoft.ML.Sla.Tests;

/// <summary>What tests of experiments share: real images, few enough for a search of seconds.</summary>
public abstract class SearchTest : FolderTest
{
    /// <summary>Number of images that trials are compared on.</summary>
    protected const int ValidationRows = 18;

    protected MLContext MlContext { get; } = new(seed: 1);

    protected SlaExperiment Experiment(string? folder = null, Action<SlaTrainer.Options>? configure = null, int? trials = 4, int classes = 3, bool holdOut = true)
    {
        var options = Training.Options();
        (options.Epochs, options.BatchSize, options.Threads) = (9, 27, 1);
        configure?.Invoke(options);
        var experiment = MlContext.MulticlassClassification.CreateSlaExperiment(new SlaExperiment.Options { Trainer = options, Folder = folder })
            .SetDataset(Training.Images(MlContext, classes), validationFraction: 0.25f, holdOut)
            .SetSearchSpace(Space());
        return trials is { } count ? experiment.SetMaxModelToExplore(count) : experiment;
    }

    /// <summary>An experiment in a time, with steps so short that there is room for several trials on a machine that is busy with other things.</summary>
    protected SlaExperiment InTime(uint seconds, int? trials = null, string? folder = null) => Experiment(folder, options => options.BatchSize = 3, trials)
        .SetDataset(Training.Images(MlContext, perClass: 8), validationFraction: 0.25f, holdOut: true)
        .SetTrainingTimeInSeconds(seconds);

    /// <summary>The search space without networks that take long.</summary>
    protected static SlaSearchSpace Space() => new SlaSearchSpace().Remove("Architecture");

    protected static string Views(SlaTrial trial) =>
        trial.Configuration.GetValueOrDefault("Objective") == "Baseline" ? "none" : trial.Configuration.GetValueOrDefault("Transformations", "rotation");

    protected static string Augmentation(SlaTrial trial) => trial.Configuration.GetValueOrDefault("Augmentation", "crop+flip");

    protected static string Summary(SlaTrial trial) => SummaryOf(trial, rungs: int.MaxValue);

    protected static string SummaryOf(SlaTrial trial, int rungs) =>
        $"{trial}: {string.Join("; ", trial.Intervals.Take(rungs).Select(interval => $"{interval.Rung} {interval.Steps} {interval.Accuracy} {interval.LogLoss} {interval.Against}"))}";

    protected static IEnumerable<float> Weights(SlaExperimentResult result) => result.Model.Model.Weights.SelectMany(tensor => tensor.Values);

    protected static Action<int> At(int count, Action action) => number =>
    {
        if (number == count)
            action();
    };

    protected sealed class Events : ISlaExperimentMonitor
    {
        private int _count;

        public List<int> Failed { get; } = [];

        public Action<int> AfterInterval { get; init; } = _ => { };

        public Action<SlaTrial> BeforeInterval { get; init; } = _ => { };

        public void ReportRunningTrial(SlaTrial trial) => BeforeInterval(trial);

        public void ReportCompletedTrial(SlaTrial trial) => AfterInterval(++_count);

        public void ReportFailTrial(SlaTrial trial) => Failed.Add(trial.Number);
    }
}
