using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Tensors;

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
    /// <summary>The version of this library, as three numbers.</summary>
    public static string CurrentVersion { get; } = typeof(NetworkDescription).Assembly.GetName().Version!.ToString(3);

    /// <summary>Values of all views of an image: 512 MiB as floats.</summary>
    private const long MostValues = 1L << 27;

    private const int LongestSide = 1 << 16;

    /// <summary>
    /// The ranges of values in a backbone that computes in 8 bits, as <see cref="Int8Graph.WithRanges"/> gives them; null for 32-bit floats.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float[]? Int8Ranges { get; init; }

    /// <summary>The JSON that is saved with the network.</summary>
    public abstract string ToJson();

    /// <summary>Holds a description out of a file against the model that it is in, before memory is taken for the network.</summary>
    /// <param name="modelBytes">Size of the model, which has a byte or more for each weight.</param>
    /// <exception cref="InvalidDataException">They contradict each other, or the images are too large.</exception>
    public void Check(long modelBytes)
    {
        var shape = Features.Shape;
        if (shape.Channels is not (1 or 3) || shape.Height is < 1 or > LongestSide || shape.Width is < 1 or > LongestSide
            || (long)shape.Channels * shape.Height * shape.Width > MostValues / Math.Max(1, Transformations.Count))
        {
            throw new InvalidDataException($"it declares images of {shape} in {Transformations.Count} views, and a model has 1 or 3 channels and at most {MostValues} values in all views.");
        }

        if (Architecture.Objection(shape) is { } objection)
            throw new InvalidDataException(objection);
        if (!(Features.PixelMaximum > 0 && float.IsFinite(Features.PixelMaximum)))
            throw new InvalidDataException($"its feature column, {Features}, cannot be.");
        if (Transformations.Select(transformation => transformation.Objection(shape)).FirstOrDefault(reason => reason is not null) is { } undefined)
            throw new InvalidDataException(undefined);

        long left = modelBytes;
        foreach (var (name, sides) in Tensors())
        {
            left -= TensorShape.Bytes(sides, valueBytes: 1) is { } bytes && bytes <= left
                ? bytes
                : throw new InvalidDataException($"its tensor '{name}' of shape [{string.Join(", ", sides)}] has no place in a model of {modelBytes} bytes.");
        }
    }

    /// <summary>Holds a description whose graph embeds all views of an image against the model that it is in.</summary>
    /// <param name="modelBytes">Size of the model, which has four bytes for each value of each view: where it comes from.</param>
    /// <exception cref="InvalidDataException">The views have no place in it, or are more than memory should hold.</exception>
    public void CheckViews(long modelBytes)
    {
        if ((long)sizeof(int) * Features.Shape.Length * Transformations.Count > modelBytes)
            throw new InvalidDataException($"the {Transformations.Count} views of images of {Features.Shape} have no place in a model of {modelBytes} bytes.");
        BackboneTensors(Transformations.Count);
    }

    /// <summary>The shapes of the network's tensors by name, as far as scoring needs them.</summary>
    public virtual IReadOnlyDictionary<string, long[]> Tensors() => BackboneTensors(views: 1);

    private IReadOnlyDictionary<string, long[]> BackboneTensors(int views) =>
        Architecture.TensorShapes(Features.Shape, SlaNetwork.BackboneName, views);

    internal sealed class TransformationSetConverter : JsonConverter<TransformationSet>
    {
        public override TransformationSet Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            TransformationSet.FromJson(JsonElement.ParseValue(ref reader));

        public override void Write(Utf8JsonWriter writer, TransformationSet value, JsonSerializerOptions options) => value.ToJson().WriteTo(writer);
    }
}
