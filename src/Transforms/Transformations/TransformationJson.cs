using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>Writes the JSON of transformations with code generated at compile time, which starts faster than reflection.</summary>
[JsonSerializable(typeof(TransformationSet.Description))]
internal sealed partial class TransformationJson : JsonSerializerContext;
