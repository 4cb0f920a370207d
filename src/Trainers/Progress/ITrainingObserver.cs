namespace Microsoft.ML.Sla;

/// <summary>
/// Hears of a training run while it goes on: each method has an empty default, so implement what you need. All are called on
/// the training thread, which waits for them; an exception stops the training.
/// </summary>
public interface ITrainingObserver
{
    /// <summary>Before the first step, when everything about the run is known.</summary>
    /// <param name="plan">What will be done.</param>
    void OnStart(TrainingStarted plan)
    {
    }

    /// <summary>About twice a second, after a step.</summary>
    /// <param name="metrics">Where the run stands.</param>
    void OnProgress(TrainingProgress metrics)
    {
    }

    /// <summary>At the end of each epoch, after the validation rows were measured.</summary>
    /// <param name="metrics">Where the run stands.</param>
    void OnEpochEnd(TrainingProgress metrics)
    {
    }

    /// <summary>
    /// About twice a second while the images of a training with <see cref="BackboneTraining.Frozen"/> go through the network, before heads are trained.
    /// </summary>
    /// <param name="progress">How far it is.</param>
    void OnEmbedding(EmbeddingProgress progress)
    {
    }

    /// <summary>After a checkpoint was written.</summary>
    /// <param name="path">The file.</param>
    /// <param name="stepsDone">The number of steps that it holds.</param>
    void OnCheckpoint(string path, long stepsDone)
    {
    }

    /// <summary>After the last step. Not called for a run that fails or is cancelled.</summary>
    /// <param name="history">The whole run.</param>
    void OnEnd(TrainingHistory history)
    {
    }
}

/// <summary>What a training run will do.</summary>
/// <param name="Architecture">The backbone.</param>
/// <param name="Objective">What is minimised.</param>
/// <param name="Transformations">The views.</param>
/// <param name="ImageShape">Shape of the images that the network sees.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="Images">Number of images that are trained on.</param>
/// <param name="ValidationImages">Number of images that accuracy is measured on.</param>
/// <param name="Epochs">Number of epochs.</param>
/// <param name="Steps">Number of steps.</param>
/// <param name="FirstStep">Steps that an earlier run has done, where this one goes on from its checkpoint; otherwise 0.</param>
/// <param name="CheckpointPath">The file that checkpoints are written to.</param>
public sealed record TrainingStarted(
    Architecture Architecture,
    string Objective,
    TransformationSet Transformations,
    ImageShape ImageShape,
    int Classes,
    int Images,
    int ValidationImages,
    int Epochs,
    long Steps,
    long FirstStep,
    string CheckpointPath)
{
    /// <summary>
    /// Positions of the rows that accuracy is measured on: in the validation set where one was given, otherwise in the training view. Empty
    /// where there are none.
    /// </summary>
    public IReadOnlyList<long> ValidationRows { get; init; } = [];
}
