using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Data;

/// <summary>Where the pixels of a model's input come from.</summary>
internal enum FeatureKind
{
    /// <summary>An MLImage, of any size.</summary>
    Image,

    /// <summary>A vector of C*H*W bytes.</summary>
    Bytes,

    /// <summary>A vector of C*H*W floats, 0 to <see cref="FeatureColumn.PixelMaximum"/>.</summary>
    Floats,
}

/// <summary>The feature column, and ML.NET's own transformers that bring it to pixels: the same in training and scoring.</summary>
/// <param name="Name">Name of the column.</param>
/// <param name="Kind">Type of its values.</param>
/// <param name="Shape">Shape of the images that the network sees.</param>
/// <param name="Resizing">How an image of another size is brought to the shape.</param>
/// <param name="PixelMaximum">The value of a float vector that stands for full intensity.</param>
internal sealed record FeatureColumn(
    string Name, FeatureKind Kind, ImageShape Shape, ImageResizingEstimator.ResizingKind Resizing, float PixelMaximum)
{
    /// <summary>The column of C*H*W floats that the scoring graph reads.</summary>
    public const string PixelColumn = "Sla.Pixels";

    private const string ImageColumn = "Sla.Image";

    /// <summary>Columns that scoring makes on the way and drops in the end.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<string> TemporaryColumns => Kind == FeatureKind.Image ? [ImageColumn, PixelColumn] : [PixelColumn];

    /// <summary>The factor that brings a value to 0..255; 1 for images and bytes, which are there already.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public float ToByteRange => Kind == FeatureKind.Floats ? 255 / PixelMaximum : 1;

    /// <summary>A column of pixel vectors, with images of the size given, of the vector's dimensions, or square.</summary>
    /// <exception cref="ArgumentException">The vector does not have so many values.</exception>
    public static FeatureColumn OfVector(
        string name,
        VectorDataViewType vector,
        int? imageWidth,
        int? imageHeight,
        int channels,
        ImageResizingEstimator.ResizingKind resizing,
        float pixelMaximum) => new(
            name,
            vector.ItemType == NumberDataViewType.Byte ? FeatureKind.Bytes : FeatureKind.Floats,
            InputColumns.VectorShape(name, vector, imageWidth, imageHeight, channels),
            resizing,
            pixelMaximum);

    /// <summary>The column that <see cref="PrepareImages"/> leaves the image in.</summary>
    public string PreparedImageColumn(bool resize) => resize || Shape.Channels == 1 ? ImageColumn : Name;

    /// <summary>The steps that leave images of the right channels and, if asked for, of the right size in a column.</summary>
    public IEnumerable<IEstimator<ITransformer>> PrepareImages(IHostEnvironment environment, bool resize)
    {
        var transforms = MLNetInternals.Transforms(environment);
        string source = Name;
        if (resize)
        {
            yield return transforms.ResizeImages(ImageColumn, Shape.Width, Shape.Height, source, Resizing);
            source = ImageColumn;
        }

        if (Shape.Channels == 1)
            yield return transforms.ConvertToGrayscale(ImageColumn, source);
    }

    /// <summary>The steps that leave C*H*W floats in <see cref="PixelColumn"/>.</summary>
    public IEnumerable<IEstimator<ITransformer>> PreparePixels(IHostEnvironment environment)
    {
        var transforms = MLNetInternals.Transforms(environment);
        if (Kind != FeatureKind.Image)
            return [transforms.Conversion.ConvertType(PixelColumn, Name, DataKind.Single)];

        var colors = Shape.Channels == 1 ? ImagePixelExtractingEstimator.ColorBits.Red : ImagePixelExtractingEstimator.ColorBits.Rgb;
        return [.. PrepareImages(environment, resize: true), transforms.ExtractPixels(PixelColumn, ImageColumn, colors)];
    }

    /// <summary>The C*H*W floats that the steps of <see cref="PreparePixels"/> make of an image, without a view of data.</summary>
    public float[] PixelsOf(MLImage image)
    {
        using var resized = image.Width == Shape.Width && image.Height == Shape.Height ? null : MLNetInternals.Resized(image, Shape.Width, Shape.Height, Resizing);
        using var grey = Shape.Channels == 1 ? MLNetInternals.Grayscale(resized ?? image) : null;
        return Planes(grey ?? resized ?? image);
    }

    private float[] Planes(MLImage image)
    {
        const int BytesOfPixel = 4;
        ReadOnlySpan<int> places = image.PixelFormat == MLPixelFormat.Rgba32 ? [0, 1, 2] : [2, 1, 0];
        var pixels = image.Pixels;
        var planes = new float[Shape.Length];
        int size = Shape.Height * Shape.Width;
        for (int channel = 0; channel < Shape.Channels; channel++)
        {
            var plane = planes.AsSpan(channel * size, size);
            for (int i = 0; i < size; i++)
                plane[i] = pixels[(BytesOfPixel * i) + places[channel]];
        }

        return planes;
    }
}
