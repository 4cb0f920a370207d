using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Objectives;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>What a trained model is, apart from its weights. Saved as JSON in the metadata of the ONNX model.</summary>
/// <param name="Objective">What it was trained to minimise.</param>
/// <param name="ObjectiveSettings">The weights of the objective's terms.</param>
/// <param name="Architecture">The backbone.</param>
/// <param name="Transformations">The views.</param>
/// <param name="Features">The input column.</param>
/// <param name="Normalization">What the network sees of a pixel.</param>
/// <param name="Labels">The label column and the classes.</param>
/// <param name="ScoreColumn">Name of the column of probabilities.</param>
/// <param name="PredictedLabelColumn">Name of the column of the most probable class.</param>
/// <param name="ViewScoresColumn">Name of the column of the views' own probabilities; null for none.</param>
/// <param name="LibraryVersion">Version of this library that trained the model.</param>
/// <param name="History">How the training went; null until it has.</param>
internal sealed record ModelDescription(
    SlaObjective Objective,
    ObjectiveSettings ObjectiveSettings,
    Architecture Architecture,
    [property: JsonConverter(typeof(ModelDescription.TransformationSetConverter))] TransformationSet Transformations,
    FeatureColumn Features,
    PixelNormalization Normalization,
    ClassLabels Labels,
    string ScoreColumn,
    string PredictedLabelColumn,
    string? ViewScoresColumn,
    string LibraryVersion,
    TrainingHistory? History = null)
{
    public string ToJson() => JsonSerializer.Serialize(this, ModelDescriptionJson.Default.ModelDescription);

    public static ModelDescription FromJson(string json) => JsonSerializer.Deserialize(json, ModelDescriptionJson.Default.ModelDescription)
        ?? throw new InvalidDataException("The model's description is empty.");

    /// <summary>The objective's rules for the classes and views of the model.</summary>
    public Objective CreateObjective() => SlaObjectives.Create(Objective, Labels.Count, Transformations.Count, ObjectiveSettings);

    internal sealed class TransformationSetConverter : JsonConverter<TransformationSet>
    {
        public override TransformationSet Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            TransformationSet.FromJson(JsonElement.ParseValue(ref reader));

        public override void Write(Utf8JsonWriter writer, TransformationSet value, JsonSerializerOptions options) => value.ToJson().WriteTo(writer);
    }
}

/// <summary>Reads and writes the JSON of descriptions with code made at compile time, which starts faster than reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ModelDescription))]
internal sealed partial class ModelDescriptionJson : JsonSerializerContext;
