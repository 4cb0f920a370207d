using Microsoft.ML.Sla.Chains;

namespace Microsoft.ML.Sla;

/// <summary>A model in memory that has scored an image.</summary>
internal sealed class LoadedModel
{
    private LoadedModel(ModelVersion version, SlaPredictor predictor)
    {
        (Version, Predictor) = (version, predictor);
        Lifetime = new Lifetime(this, predictor.Dispose);
    }

    /// <summary>What was loaded.</summary>
    public ModelVersion Version { get; }

    /// <summary>The predictor, for as long as the caller has a use of <see cref="Lifetime"/>.</summary>
    public SlaPredictor Predictor { get; }

    /// <summary>Who uses the predictor.</summary>
    public Lifetime Lifetime { get; }

    /// <summary>When it was loaded.</summary>
    public DateTimeOffset LoadedAt { get; } = DateTimeOffset.UtcNow;

    /// <summary>Loads a version.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is not a model for images, or its objective does not define the inference.</exception>
    public static LoadedModel Load(ModelVersion version)
    {
        if (!File.Exists(version.Path))
        {
            throw new FileNotFoundException(
                $"There is no model '{version.Path}', which {nameof(SlaPredictorOptions)}.{nameof(SlaPredictorOptions.ModelPath)} names. "
                + "Write it with mlContext.Model.Save, or change the option.",
                version.Path);
        }

        var predictor = WithViewScores(Open(version), version);
        try
        {
            // Opens the network in ONNX Runtime. So no request waits for it, and a network that is refused there does not get into service.
            predictor.Predict(new byte[predictor.ImageShape.Length], predictor.ImageShape);
            return new LoadedModel(version, predictor);
        }
        catch
        {
            predictor.Dispose();
            throw;
        }
    }

    private static SlaPredictor WithViewScores(SlaPredictor predictor, ModelVersion version)
    {
        if (!version.ViewScores)
            return predictor;
        try
        {
            using (predictor)
                return predictor.WithViewScores();
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException(
                $"{nameof(SlaPredictorOptions)}.{nameof(SlaPredictorOptions.ViewScores)} is true, and the model in '{version.Path}' cannot give them: {exception.Message}", exception);
        }
    }

    private static SlaPredictor Open(ModelVersion version)
    {
        var predictor = SlaPredictor.Load(version.Path, version.PixelLimit);
        if (version.Inference is not { } inference || inference == predictor.Inference)
            return predictor;

        using (predictor)
        {
            return predictor.Inferences.Contains(inference)
                ? predictor.WithInference(inference)
                : throw new InvalidDataException(
                    $"{nameof(SlaPredictorOptions)}.{nameof(SlaPredictorOptions.Inference)} is {inference}, and the model in '{version.Path}' was not trained for it. "
                    + $"Give {string.Join(" or ", predictor.Inferences)}, or null for that of the model.");
        }
    }
}
