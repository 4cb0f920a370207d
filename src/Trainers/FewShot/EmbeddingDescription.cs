using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>The description of a trained embedding: everything except its weights.</summary>
/// <param name="Objective">The training objective.</param>
/// <param name="Similarity">The measure of similarity between embeddings and prototypes.</param>
/// <param name="Scale">The learned factor on similarities.</param>
/// <param name="Architecture">The backbone.</param>
/// <param name="Transformations">The views.</param>
/// <param name="Features">The input column.</param>
/// <param name="Normalization">How pixel values are normalised for the network.</param>
/// <param name="EmbeddingColumn">Name of the column of embeddings.</param>
/// <param name="LibraryVersion">Version of this library that trained the network.</param>
/// <param name="History">The history of the training; null before the training ends.</param>
internal sealed record EmbeddingDescription(
    FewShotObjective Objective,
    PrototypeSimilarity Similarity,
    float Scale,
    Architecture Architecture,
    TransformationSet Transformations,
    FeatureColumn Features,
    PixelNormalization Normalization,
    string EmbeddingColumn,
    string LibraryVersion,
    TrainingHistory? History = null) : NetworkDescription(Architecture, Transformations, Features, Normalization, LibraryVersion, History)
{
    /// <summary>Name of the weights of the linear map behind the backbone: K x D values.</summary>
    public static readonly string MapWeightName = $"{SlaNetwork.HeadsName}.embedding_map_weight";

    /// <summary>Name of the terms that the map adds: K values.</summary>
    public static readonly string MapBiasName = $"{SlaNetwork.HeadsName}.embedding_map_bias";

    /// <summary>K, the number of values that a linear map makes of the backbone's output; null where there is no map.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? MapSize { get; init; }

    /// <summary>Number of values of a view's embedding.</summary>
    [JsonIgnore]
    public int EmbeddingSize => MapSize ?? Architecture.EmbeddingSize;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, long[]> Tensors() => MapSize is not { } size
        ? base.Tensors()
        : new Dictionary<string, long[]>(base.Tensors()) { [MapWeightName] = [size, Architecture.EmbeddingSize], [MapBiasName] = [size] };

    /// <inheritdoc/>
    public override string ToJson() => JsonSerializer.Serialize(this, EmbeddingJson.Default.EmbeddingDescription);

    /// <summary>Reads what <see cref="ToJson"/> writes.</summary>
    /// <exception cref="Exception">The text is not such a description; of several types. Callers read it through <see cref="ParsedFile"/>.</exception>
    public static EmbeddingDescription FromJson(string text)
    {
        using var document = JsonDocument.Parse(text);
        var json = document.RootElement;
        return new EmbeddingDescription(
            json.Member<FewShotObjective>("objective"),
            json.Member<PrototypeSimilarity>("similarity"),
            json.Single("scale"),
            DescriptionReader.ReadArchitecture(json.Part("architecture")),
            TransformationSet.FromJson(json.Part("transformations")),
            DescriptionReader.ReadFeatures(json.Part("features")),
            DescriptionReader.ReadNormalization(json.Part("normalization")),
            json.ColumnName("embeddingColumn"),
            json.Text("libraryVersion"),
            DescriptionReader.ReadHistory(json))
        {
            Int8Ranges = json.OptionalPart("int8Ranges") is null ? null : json.Singles("int8Ranges"),
            MapSize = json.OptionalPart("mapSize") is null ? null : json.Int("mapSize"),
        };
    }
}

/// <summary>Writes the JSON of embeddings with code generated at compile time, which starts faster than reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(EmbeddingDescription))]
internal sealed partial class EmbeddingJson : JsonSerializerContext;
