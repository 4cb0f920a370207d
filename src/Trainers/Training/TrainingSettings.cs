using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>The settings of a training run. <see cref="ImageTrainerOptions"/> and <see cref="SlaTrainer.Options"/> explain them.</summary>
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

    public bool FrozenStatistics { get; init; }

    public double? DeferredReweighting { get; init; }

    public bool BalancedSampling { get; init; }

    public EarlyStopping? EarlyStopping { get; init; }

    public bool KeepBest { get; init; } = true;

    /// <summary>The time of a run by time; null for one by epochs.</summary>
    public TimeSpan? TrainingTime { get; init; }

    /// <summary>The changed rest of the schedule; null if the run has the epochs that it began with.</summary>
    public ScheduleTail? Tail { get; init; }

    /// <summary>
    /// The entries that identify a run: the epochs that it began with, and the other settings that the result depends on. A setting with its
    /// default value has no entry, so that a new setting does not invalidate existing checkpoints.
    /// </summary>
    public IEnumerable<(string Name, string Value)> Identity()
    {
        yield return (nameof(Epochs), RunIdentity.Text(Tail?.PlannedEpochs ?? Epochs));
        yield return (nameof(BatchSize), RunIdentity.Text(BatchSize));
        yield return (nameof(ViewsPerStep), RunIdentity.Text(ViewsPerStep));
        yield return (nameof(LearningRate), RunIdentity.Text(LearningRate));
        yield return ("LearningRateSchedule", RunIdentity.Text(Schedule));
        yield return (nameof(Momentum), RunIdentity.Text(Momentum));
        yield return (nameof(WeightDecay), RunIdentity.Text(WeightDecay));
        yield return (nameof(Seed), RunIdentity.Text(Seed));
        if (GradientAccumulation != 1)
            yield return (nameof(GradientAccumulation), RunIdentity.Text(GradientAccumulation));
        if (GradientClipping is { } clipping)
            yield return (nameof(GradientClipping), RunIdentity.Text(clipping));
        if (WeightAveraging is { } averaging)
            yield return (nameof(WeightAveraging), RunIdentity.Text(averaging));
        if (FrozenEpochs != 0)
            yield return (nameof(FrozenEpochs), RunIdentity.Text(FrozenEpochs));
        if (LayerRateDecay != 1)
            yield return (nameof(LayerRateDecay), RunIdentity.Text(LayerRateDecay));
        if (FrozenStatistics)
            yield return (nameof(FrozenStatistics), RunIdentity.Text(FrozenStatistics));
        if (DeferredReweighting is { } deferred)
            yield return (nameof(DeferredReweighting), RunIdentity.Text(deferred));
        if (BalancedSampling)
            yield return (nameof(BalancedSampling), RunIdentity.Text(BalancedSampling));
        if (EarlyStopping is { } stopping)
            yield return (nameof(EarlyStopping), FormattableString.Invariant($"patience {stopping.Patience}, rise {stopping.MinDelta}"));
        if (!KeepBest)
            yield return (nameof(KeepBest), RunIdentity.Text(KeepBest));
        if (TrainingTime is { } time)
            yield return (nameof(TrainingTime), RunIdentity.Text(time));
    }

    /// <summary>The settings of a step in a run by time.</summary>
    /// <param name="progress">The share of the schedule that is done, 0 to 1.</param>
    public StepState StateAt(double progress) => new(
        ScheduleMath.RateAt(Schedule, LearningRate, progress),
        BackboneFrozen: progress < (double)FrozenEpochs / Epochs,
        WeighsClasses: progress >= (DeferredReweighting ?? 0));

    /// <summary>The share of the schedule that is done, 0 to 1, after a number of all steps.</summary>
    public double Progress(long step, long steps)
    {
        if (Tail is null || step < Tail.Step)
            return (double)step / (Tail?.PlannedSteps ?? steps);
        double before = (double)Tail.Step / Tail.PlannedSteps;
        return before + ((1 - before) * (step - Tail.Step) / (steps - Tail.Step));
    }
}
