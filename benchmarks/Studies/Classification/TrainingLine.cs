namespace Microsoft.ML.Sla.Studies;

/// <summary>A training and what it gave.</summary>
/// <param name="Run">What was trained.</param>
/// <param name="Inferences">What the network scores on the test images, by inference.</param>
/// <param name="Seconds">What the training took, of all members; null where it was not measured.</param>
/// <param name="ProcessorSeconds">Processor time of the training: what is spent where other programs run beside it.</param>
/// <param name="TrainingLoss">Mean loss of the last epoch of the first member.</param>
/// <param name="Epochs">How many times the first member saw each training image; null where it was not measured.</param>
/// <param name="Program">What trained; null for this library.</param>
internal sealed record TrainingLine(
    TrainingRun Run,
    IReadOnlyDictionary<string, Scores> Inferences,
    double? Seconds = null,
    double? ProcessorSeconds = null,
    double? TrainingLoss = null,
    double? Epochs = null,
    string? Program = null)
{
    public bool IsOfThisLibrary => Lines.IsOfThisLibrary(Program);

    /// <summary>The lines of this library.</summary>
    /// <exception cref="InvalidDataException">A line cannot be read.</exception>
    public static IReadOnlyList<TrainingLine> Read(string file) => [.. Lines.Read<TrainingLine>(file).Where(line => line.IsOfThisLibrary)];
}

/// <summary>How good predictions are.</summary>
/// <param name="Accuracy">Share of the test images whose class is predicted.</param>
/// <param name="LogLoss">Mean cross-entropy in nats.</param>
/// <param name="ScoringMilliseconds">Processor time of an image, decoding included.</param>
/// <param name="Seconds">What scoring all test images took.</param>
/// <param name="Recalls">Of uneven classes, the share of the test images of each that are found.</param>
internal sealed record Scores(
    double Accuracy, double? LogLoss = null, double? ScoringMilliseconds = null, double? Seconds = null, IReadOnlyList<double>? Recalls = null);
