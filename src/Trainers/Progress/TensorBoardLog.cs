using TorchSharp;

namespace Microsoft.ML.Sla;

/// <summary>
/// Writes a run as an event file for TensorBoard: the scalars <c>loss/train</c>, <c>loss/validation</c>,
/// <c>accuracy/train</c>, <c>accuracy/validation</c>, <c>learning rate</c> and <c>images per second</c>, by step.
/// </summary>
public sealed class TensorBoardLog : ITrainingObserver
{
    private readonly TorchSharp.Modules.SummaryWriter _writer;

    /// <summary>Creates an event file.</summary>
    /// <param name="folder">The folder of the file. It is created if it does not exist.</param>
    /// <exception cref="IOException">The folder cannot be created.</exception>
    public TensorBoardLog(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        TorchLibrary.EnsureLoaded();
        _writer = torch.utils.tensorboard.SummaryWriter(Directory.CreateDirectory(folder).FullName);
    }

    /// <inheritdoc/>
    public void OnProgress(TrainingProgress metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        int step = checked((int)metrics.Step);
        _writer.add_scalar("loss/train", (float)metrics.Loss, step);
        _writer.add_scalar("learning rate", (float)metrics.LearningRate, step);
        _writer.add_scalar("images per second", (float)metrics.ImagesPerSecond, step);
    }

    /// <inheritdoc/>
    public void OnEpochEnd(TrainingProgress metrics)
    {
        OnProgress(metrics);
        int step = checked((int)metrics.Step);
        if (metrics.ValidationLoss is { } loss)
            _writer.add_scalar("loss/validation", (float)loss, step);
        if (metrics.ValidationAccuracy is { } accuracy)
            _writer.add_scalar("accuracy/validation", (float)accuracy, step);
        if (metrics.TrainingAccuracy is { } trainingAccuracy)
            _writer.add_scalar("accuracy/train", (float)trainingAccuracy, step);
    }
}
