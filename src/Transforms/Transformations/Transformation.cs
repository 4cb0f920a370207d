using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>
/// A lossless input transformation t_j: a permutation of the C x H x W values of an image (Lee, Hwang and Shin, ICML 2020). It can
/// therefore be composed, inverted and exported exactly.
/// </summary>
/// <remarks>
/// The permutation is the only definition: managed arrays, torch tensors and ONNX graphs all use <see cref="GetPermutation"/>.
/// </remarks>
[JsonDerivedType(typeof(Identity), "identity")]
[JsonDerivedType(typeof(Rotation), "rotation")]
[JsonDerivedType(typeof(Flip), "flip")]
[JsonDerivedType(typeof(ColorPermutation), "colorPermutation")]
[JsonDerivedType(typeof(Permutation), "permutation")]
[JsonDerivedType(typeof(Composition), "composition")]
public abstract class Transformation
{
    private protected Transformation()
    {
    }

    /// <summary>The name that annotations, logs and model metadata show, such as <c>90°</c> or <c>GBR</c>.</summary>
    [JsonIgnore]
    public abstract string Name { get; }

    /// <summary>Gets the permutation p for images of a shape: value i of the view is value p[i] of the image.</summary>
    /// <param name="shape">Shape of the images.</param>
    /// <returns>An array of <see cref="ImageShape.Length"/> indices, each of 0 to length - 1 exactly once.</returns>
    /// <exception cref="ArgumentException">The transformation is not defined for the shape.</exception>
    public int[] GetPermutation(ImageShape shape)
    {
        if (Objection(shape) is { } objection)
            throw new ArgumentException(objection, nameof(shape));
        return Permute(shape);
    }

    /// <summary>Makes the view of an image.</summary>
    /// <typeparam name="T">Type of a value.</typeparam>
    /// <param name="image">The image, C x H x W values.</param>
    /// <param name="shape">Shape of the image.</param>
    /// <returns>The view, C x H x W values.</returns>
    /// <exception cref="ArgumentException">The transformation is not defined for the shape, or the image does not have the shape.</exception>
    public T[] Apply<T>(ReadOnlySpan<T> image, ImageShape shape)
    {
        if (image.Length != shape.Length)
            throw new ArgumentException($"The image has {image.Length} values; the shape {shape} needs {shape.Length}.", nameof(image));

        int[] source = GetPermutation(shape);
        var view = new T[source.Length];
        for (int i = 0; i < view.Length; i++)
            view[i] = image[source[i]];
        return view;
    }

    /// <summary>Gets the transformation that applies this one first and <paramref name="next"/> to its result.</summary>
    /// <param name="next">The transformation to apply second.</param>
    /// <returns>The composition.</returns>
    public Transformation Then(Transformation next)
    {
        ArgumentNullException.ThrowIfNull(next);
        return new Composition(this, next);
    }

    /// <summary>Reads a member of what <see cref="TransformationSet.ToJson"/> writes.</summary>
    internal static Transformation FromJson(JsonElement json) => json.Text("$type") switch
    {
        "identity" => new Identity(),
        "rotation" => new Rotation(json.Int("QuarterTurns")),
        "flip" => new Flip(json.Flag("Horizontal")),
        "colorPermutation" => new ColorPermutation(json.Text("Order")),
        "permutation" => new Permutation(json.Text("Name"), json.Ints("Indices")),
        "composition" => new Composition(FromJson(json.Part("First")), FromJson(json.Part("Second"))),
        var kind => throw new JsonException($"'{kind}' is not a transformation that this version of the library knows."),
    };

    /// <summary>The name of a joint label: a class under this transformation, such as <c>cat @ 90°</c>.</summary>
    internal string NameOf(string className) => $"{className} @ {Name}";

    /// <summary>Why the transformation is not defined for a shape, and what to do about it; null if it is defined.</summary>
    internal abstract string? Objection(ImageShape shape);

    /// <summary>The permutation for a shape that raises no objection.</summary>
    private protected abstract int[] Permute(ImageShape shape);

    /// <summary>Builds a permutation from the source of each output value, given as (channel, row, column).</summary>
    private protected static int[] Gather(ImageShape shape, Func<int, int, int, (int Channel, int Row, int Column)> source)
    {
        var permutation = new int[shape.Length];
        int i = 0;
        for (int c = 0; c < shape.Channels; c++)
        {
            for (int h = 0; h < shape.Height; h++)
            {
                for (int w = 0; w < shape.Width; w++)
                {
                    var (channel, row, column) = source(c, h, w);
                    permutation[i++] = (channel * shape.Height + row) * shape.Width + column;
                }
            }
        }

        return permutation;
    }
}
