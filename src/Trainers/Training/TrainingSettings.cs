namespace Microsoft.ML.Sla.Training;

/// <summary>The numbers of a training run. See <see cref="SlaTrainer.Options"/> for their meaning.</summary>
internal sealed record TrainingSettings(
    int Epochs,
    int BatchSize,
    int ViewsPerStep,
    double LearningRate,
    LearningRateSchedule Schedule,
    double Momentum,
    double WeightDecay,
    int CropPadding,
    bool HorizontalFlip,
    int Seed);
