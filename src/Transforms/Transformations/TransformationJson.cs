using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>Reads and writes the JSON of transformations with code made at compile time, which starts faster than reflection.</summary>
[JsonSourceGenerationOptions(RespectNullableAnnotations = true)]
[JsonSerializable(typeof(TransformationSet.Description))]
internal sealed partial class TransformationJson : JsonSerializerContext;
