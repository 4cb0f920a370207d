using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Data;
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
            json.Text("embeddingColumn"),
            json.Text("libraryVersion"),
            DescriptionReader.ReadHistory(json));
    }
}

/// <summary>Writes the JSON of embeddings with code generated at compile time, which starts faster than reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(EmbeddingDescription))]
internal sealed partial class EmbeddingJson : JsonSerializerContext;
