using Microsoft.ML.Sla;

namespace QuickStart;

/// <summary>The configuration of both runs. It was chosen on validation rows: docs/evidence/quick-start.md says how.</summary>
internal static class Configuration
{
    public static SlaTrainer.Options For(SlaObjective objective, Action<TrainingProgress>? progress, CancellationToken cancellation) => new()
    {
        FeatureColumnName = "Image",
        Channels = 1,
        Objective = objective,
        Epochs = 24,
        BatchSize = 64,
        LearningRate = 0.1,
        LearningRateSchedule = LearningRateSchedule.OneCycle,
        WeightDecay = 5e-4,
        Augmentations = [ImageAugmentation.RandomCrop(2), ImageAugmentation.HorizontalFlip()],
        MetricsCallback = progress,
        CancellationToken = cancellation,
    };
}
