namespace Microsoft.ML.Sla;

/// <summary>
/// Follows a training run. Each method has an empty default, so implement what you need. The trainer calls all methods on the training
/// thread and waits for them to return. An exception stops the training.
/// </summary>
public interface ITrainingObserver
{
    /// <summary>Called before the first step.</summary>
    /// <param name="plan">The plan of the run.</param>
    void OnStart(TrainingStarted plan)
    {
    }

    /// <summary>Called about twice a second, after a step.</summary>
    /// <param name="metrics">The progress of the run.</param>
    void OnProgress(TrainingProgress metrics)
    {
    }

    /// <summary>Called at the end of each epoch, after the validation.</summary>
    /// <param name="metrics">The progress of the run.</param>
    void OnEpochEnd(TrainingProgress metrics)
    {
    }

    /// <summary>
    /// Called about twice a second while the images of a training with <see cref="BackboneTraining.Frozen"/> go through the network.
    /// </summary>
    /// <param name="progress">The progress so far.</param>
    void OnEmbedding(EmbeddingProgress progress)
    {
    }

    /// <summary>Called once where a training compares objectives, before <see cref="OnStart"/>.</summary>
    /// <param name="comparison">What it found.</param>
    void OnComparison(ObjectiveComparison comparison)
    {
    }

    /// <summary>Called after a checkpoint was written.</summary>
    /// <param name="path">The checkpoint's file.</param>
    /// <param name="stepsDone">The number of steps done in the checkpoint.</param>
    void OnCheckpoint(string path, long stepsDone)
    {
    }

    /// <summary>Called after the last step. Not called for a run that fails or is cancelled.</summary>
    /// <param name="history">The history of the whole run.</param>
    void OnEnd(TrainingHistory history)
    {
    }
}

/// <summary>The plan of a training run.</summary>
public sealed record TrainingStarted
{
    /// <summary>The backbone.</summary>
    public required Architecture Architecture { get; init; }

    /// <summary>The training objective.</summary>
    public required string Objective { get; init; }

    /// <summary>The views.</summary>
    public required TransformationSet Transformations { get; init; }

    /// <summary>Shape of the images that the network sees.</summary>
    public required ImageShape ImageShape { get; init; }

    /// <summary>Number of classes.</summary>
    public required int Classes { get; init; }

    /// <summary>Number of training images.</summary>
    public required int Images { get; init; }

    /// <summary>Number of validation images.</summary>
    public int ValidationImages { get; init; }

    /// <summary>Number of epochs; 0 in a run by time.</summary>
    public required int Epochs { get; init; }

    /// <summary>Number of steps; 0 in a run by time.</summary>
    public required long Steps { get; init; }

    /// <summary>Steps already done in the checkpoint that the run resumes from; otherwise 0.</summary>
    public long FirstStep { get; init; }

    /// <summary>The file of the checkpoint.</summary>
    public string CheckpointPath { get; init; } = "";

    /// <summary>The time of the training where it decides about the number of steps; see <see cref="SlaTrainer.Options.TrainingTime"/>.</summary>
    public TimeSpan? TrainingTime { get; init; }

    /// <summary>
    /// Positions of the validation rows: in the validation set if one is given, otherwise in the training view. Empty without validation
    /// rows.
    /// </summary>
    public IReadOnlyList<long> ValidationRows { get; init; } = [];
}
