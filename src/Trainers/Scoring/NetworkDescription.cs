using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>What a trained network is, apart from its weights. Saved as JSON in the metadata of the ONNX model.</summary>
/// <param name="Architecture">The backbone.</param>
/// <param name="Transformations">The views.</param>
/// <param name="Features">The input column.</param>
/// <param name="Normalization">What the network sees of a pixel.</param>
/// <param name="LibraryVersion">Version of this library that trained the network.</param>
/// <param name="History">How the training went; null until it has.</param>
internal abstract record NetworkDescription(
    Architecture Architecture,
    [property: JsonConverter(typeof(NetworkDescription.TransformationSetConverter))] TransformationSet Transformations,
    FeatureColumn Features,
    PixelNormalization Normalization,
    string LibraryVersion,
    TrainingHistory? History)
{
    public string ToJson() => JsonSerializer.Serialize(this, GetType(), DescriptionJson.Default);

    public static T FromJson<T>(string json)
        where T : NetworkDescription => (T?)JsonSerializer.Deserialize(json, typeof(T), DescriptionJson.Default)
        ?? throw new InvalidDataException("The model's description is empty.");

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
[JsonSerializable(typeof(EmbeddingDescription))]
internal sealed partial class DescriptionJson : JsonSerializerContext;
