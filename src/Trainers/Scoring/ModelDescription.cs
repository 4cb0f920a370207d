using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>The description of a trained classifier: everything except its weights.</summary>
/// <param name="Objective">The training objective.</param>
/// <param name="ObjectiveSettings">The weights of the objective's terms.</param>
/// <param name="Architecture">The backbone.</param>
/// <param name="Transformations">The views.</param>
/// <param name="Features">The input column.</param>
/// <param name="Normalization">How pixel values are normalised for the network.</param>
/// <param name="Labels">The label column and the classes.</param>
/// <param name="ScoreColumn">Name of the column of probabilities.</param>
/// <param name="PredictedLabelColumn">Name of the column of the most probable class.</param>
/// <param name="ViewScoresColumn">Name of the column of the probabilities of each view; null for none.</param>
/// <param name="LibraryVersion">Version of this library that trained the model.</param>
/// <param name="History">The history of the training; null before the training ends.</param>
internal sealed record ModelDescription(
    SlaObjective Objective,
    ObjectiveSettings ObjectiveSettings,
    Architecture Architecture,
    TransformationSet Transformations,
    FeatureColumn Features,
    PixelNormalization Normalization,
    ClassLabels Labels,
    string ScoreColumn,
    string PredictedLabelColumn,
    string? ViewScoresColumn,
    string LibraryVersion,
    TrainingHistory? History = null) : NetworkDescription(Architecture, Transformations, Features, Normalization, LibraryVersion, History)
{
    /// <summary>Name of the column of the predictions' confidence; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ConfidenceColumn { get; init; }

    /// <summary>What held-out rows say about each inference; null where there were none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<Calibration>? Calibrations { get; init; }

    /// <summary>What held-out rows say about an inference; null where there were none.</summary>
    public Calibration? CalibrationOf(SlaInference inference) => Calibrations?.FirstOrDefault(calibration => calibration.Inference == inference);

    /// <summary>Chooses the lowest confidence for a wanted error rate.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate cannot be, or the rows cannot show it.</exception>
    /// <exception cref="InvalidOperationException">There were no held-out rows.</exception>
    public ConfidenceThreshold ThresholdFor(SlaInference inference, double errorRate) => CalibrationOf(inference)?.Errors.ThresholdFor(errorRate)
        ?? throw new InvalidOperationException(
            "The model does not know at which confidence its predictions are wrong, because no rows were kept from its training. Train it again with "
            + "ValidationSet or ValidationSetFraction, and with Calibration true.");

    /// <inheritdoc/>
    public override string ToJson() => JsonSerializer.Serialize(this, ModelJson.Default.ModelDescription);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, long[]> Tensors()
    {
        var tensors = new Dictionary<string, long[]>(base.Tensors());
        foreach (var head in CreateObjective().Heads)
        {
            tensors.Add($"{SlaNetwork.HeadsName}.{Heads.WeightName(head.Head)}", [head.Outputs, Architecture.EmbeddingSize]);
            if (head.CosineScale is null)
                tensors.Add($"{SlaNetwork.HeadsName}.{Heads.BiasName(head.Head)}", [head.Outputs]);
        }

        return tensors;
    }

    /// <summary>Creates the objective for the classes and views of the model.</summary>
    public Objective CreateObjective() => SlaObjectives.Create(Objective, Labels.Count, Transformations.Count, ObjectiveSettings);
}

/// <summary>Writes the JSON of classifiers with code generated at compile time, which starts faster than reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ModelDescription))]
internal sealed partial class ModelJson : JsonSerializerContext;
