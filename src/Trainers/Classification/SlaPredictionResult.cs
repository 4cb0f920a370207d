using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Sla;

/// <summary>What came of one input of <see cref="SlaPredictor.PredictAll(IReadOnlyList{string}, CancellationToken)"/>: a prediction, or the reason why there is none.</summary>
public sealed class SlaPredictionResult
{
    internal SlaPredictionResult(SlaPrediction prediction) => Prediction = prediction;

    internal SlaPredictionResult(Exception error) => Error = error;

    /// <summary>The prediction; null where the input cannot be used.</summary>
    public SlaPrediction? Prediction { get; }

    /// <summary>
    /// Why the input cannot be used: a <see cref="FileNotFoundException"/> or an <see cref="InvalidDataException"/>, whose message names the file.
    /// Null where there is a prediction.
    /// </summary>
    public Exception? Error { get; }

    /// <summary>Whether there is a prediction.</summary>
    [MemberNotNullWhen(true, nameof(Prediction))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool IsSuccess => Prediction is not null;
}
