using System.Numerics;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Data;

/// <summary>The source of a model's input pixels.</summary>
internal enum FeatureKind
{
    /// <summary>An MLImage, of any size.</summary>
    Image,

    /// <summary>A vector of C*H*W bytes.</summary>
    Bytes,

    /// <summary>A vector of C*H*W floats, 0 to <see cref="FeatureColumn.PixelMaximum"/>.</summary>
    Floats,
}

/// <summary>The feature column, and ML.NET's own transformers that turn it into pixels. Training and scoring get the same pixels.</summary>
/// <param name="Name">Name of the column.</param>
/// <param name="Kind">Type of its values.</param>
/// <param name="Shape">Shape of the images that the network sees.</param>
/// <param name="Resizing">How an image of another size is resized to the shape.</param>
/// <param name="PixelMaximum">The value of full intensity in a float vector.</param>
internal sealed record FeatureColumn(
    string Name, FeatureKind Kind, ImageShape Shape, ImageResizingEstimator.ResizingKind Resizing, float PixelMaximum)
{
    /// <summary>The column of C*H*W floats that the scoring graph reads.</summary>
    public const string PixelColumn = "Sla.Pixels";

    private const string ImageColumn = "Sla.Image";

    /// <summary>Temporary columns, which scoring makes and drops at the end.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<string> TemporaryColumns => Kind == FeatureKind.Image ? [ImageColumn, PixelColumn] : [PixelColumn];

    /// <summary>The factor that scales a value to 0 to 255. It is 1 for images and bytes, which already have that range.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public float ToByteRange => Kind == FeatureKind.Floats ? 255 / PixelMaximum : 1;

    /// <summary>A column of pixel vectors. The images have the given size, else that of the vector's dimensions, else they are square.</summary>
    /// <exception cref="ArgumentException">The number of values does not match the size.</exception>
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

    /// <summary>The steps that leave C*H*W floats in <see cref="PixelColumn"/>.</summary>
    public IEnumerable<IEstimator<ITransformer>> PreparePixels(IHostEnvironment environment)
    {
        var transforms = MLNetInternals.Transforms(environment);
        if (Kind != FeatureKind.Image)
            return [transforms.Conversion.ConvertType(PixelColumn, Name, DataKind.Single)];

        IEstimator<ITransformer> resize = transforms.ResizeImages(ImageColumn, Shape.Width, Shape.Height, Name, Resizing);
        return Shape.Channels == 1
            ? [resize, transforms.ConvertToGrayscale(ImageColumn), transforms.ExtractPixels(PixelColumn, ImageColumn, ImagePixelExtractingEstimator.ColorBits.Red)]
            : [resize, transforms.ExtractPixels(PixelColumn, ImageColumn, ImagePixelExtractingEstimator.ColorBits.Rgb)];
    }

    /// <summary>A view with this column and no rows, to fit steps on.</summary>
    public IDataView Empty(IHostEnvironment environment) => Kind switch
    {
        FeatureKind.Image => Empty<ImageInput>(environment, Name, new ImageDataViewType()),
        FeatureKind.Bytes => Empty<VectorInput<byte>>(environment, Name, new VectorDataViewType(NumberDataViewType.Byte, Shape.Length)),
        _ => Empty<VectorInput<float>>(environment, Name, new VectorDataViewType(NumberDataViewType.Single, Shape.Length)),
    };

    /// <summary>A view with a column of float vectors and no rows.</summary>
    public static IDataView EmptyVectors(IHostEnvironment environment, string column, int length) =>
        Empty<VectorInput<float>>(environment, column, new VectorDataViewType(NumberDataViewType.Single, length));

    /// <summary>A resized copy of an image, which ResizeImages does not change further. The image itself is not changed.</summary>
    public MLImage ResizedCopy(MLImage image) => HasSize(image)
        ? MLImage.CreateFromPixels(image.Width, image.Height, image.PixelFormat, image.Pixels)
        : MLNetInternals.Resized(image, Shape.Width, Shape.Height, Resizing);

    /// <summary>Writes the C*H*W pixels that the steps of <see cref="PreparePixels"/> make of an image, without a data view.</summary>
    /// <param name="image">The image. It is not changed.</param>
    /// <param name="pixels">Receives the values, 0 to 255.</param>
    /// <exception cref="InvalidDataException">The image has a pixel format that is not supported.</exception>
    public void CopyPixels<T>(MLImage image, Span<T> pixels)
        where T : INumberBase<T>
    {
        using var resized = HasSize(image) ? null : MLNetInternals.Resized(image, Shape.Width, Shape.Height, Resizing);
        using var grey = Shape.Channels == 1 ? MLNetInternals.Grayscale(resized ?? image) : null;
        CopyPlanes(grey ?? resized ?? image, pixels);
    }

    private bool HasSize(MLImage image) => image.Width == Shape.Width && image.Height == Shape.Height;

    private void CopyPlanes<T>(MLImage image, Span<T> planes)
        where T : INumberBase<T>
    {
        const int BytesOfPixel = 4;
        ReadOnlySpan<int> places = image.PixelFormat switch
        {
            MLPixelFormat.Bgra32 => [2, 1, 0],
            MLPixelFormat.Rgba32 => [0, 1, 2],
            _ => throw new InvalidDataException($"the image has the pixel format {image.PixelFormat}, which is not supported. Use 8-bit colour or grey images."),
        };
        var pixels = image.Pixels;
        int size = Shape.Height * Shape.Width;
        for (int channel = 0; channel < Shape.Channels; channel++)
        {
            var plane = planes.Slice(channel * size, size);
            for (int i = 0; i < plane.Length; i++)
                plane[i] = T.CreateTruncating(pixels[(BytesOfPixel * i) + places[channel]]);
        }
    }

    private static IDataView Empty<T>(IHostEnvironment environment, string column, DataViewType type)
        where T : class
    {
        var definition = SchemaDefinition.Create(typeof(T));
        definition[0].ColumnName = column;
        definition[0].ColumnType = type;
        return MLNetInternals.Data(environment).LoadFromEnumerable(Array.Empty<T>(), definition);
    }

    private sealed class ImageInput
    {
        [ImageType(1, 1)]
        public MLImage? Image { get; set; }
    }

    private sealed class VectorInput<T>
    {
        public T[] Pixels { get; set; } = [];
    }
}
