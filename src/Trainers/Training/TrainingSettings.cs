using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>The numbers of a training run. See <see cref="ImageTrainerOptions"/> and <see cref="SlaTrainer.Options"/> for their meaning.</summary>
internal sealed record TrainingSettings(
    int Epochs,
    int BatchSize,
    int ViewsPerStep,
    double LearningRate,
    LearningRateSchedule Schedule,
    double Momentum,
    double WeightDecay,
    IReadOnlyList<ImageAugmentation> Augmentations,
    int Seed)
{
    /// <summary>The type that the backbone computes in.</summary>
    public ScalarType ComputeType { get; init; } = ScalarType.Float32;

    public int GradientAccumulation { get; init; } = 1;

    public double? GradientClipping { get; init; }

    public double? WeightAveraging { get; init; }

    public int FrozenEpochs { get; init; }

    public double LayerRateDecay { get; init; } = 1;

    public double? DeferredReweighting { get; init; }

    public bool BalancedSampling { get; init; }

    public EarlyStopping? EarlyStopping { get; init; }

    public bool KeepBest { get; init; } = true;

    /// <summary>Where the epochs are not those that the run began with.</summary>
    public ScheduleTail? Tail { get; init; }

    /// <summary>The settings that the run began with.</summary>
    public TrainingSettings AsPlanned() => this with { Epochs = Tail?.PlannedEpochs ?? Epochs, Tail = null };

    /// <summary>How much of the schedule is done, 0 to 1, after a step of so many.</summary>
    public double Progress(long step, long steps)
    {
        if (Tail is null || step < Tail.Step)
            return (double)step / (Tail?.PlannedSteps ?? steps);
        double before = (double)Tail.Step / Tail.PlannedSteps;
        return before + ((1 - before) * (step - Tail.Step) / (steps - Tail.Step));
    }
}
