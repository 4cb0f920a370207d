using Microsoft.ML.Sla.Images;

namespace Microsoft.ML;

/// <summary>Loads images upright, from <c>mlContext.Transforms</c>.</summary>
public static class SlaImagesCatalog
{
    /// <summary>
    /// Loads images like ML.NET's <c>LoadImages</c>, but upright: it applies the orientation that a camera wrote into the file (EXIF
    /// of JPEG and WebP, the chunk eXIf of PNG). With <paramref name="decodeSide"/> it decodes large JPEG and WebP files at a reduced size,
    /// which is several times faster for JPEG.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="outputColumnName">Name of the image column to add.</param>
    /// <param name="inputColumnName">
    /// Name of the column of paths, absolute or relative to the current directory; or of the bytes of files, a vector of variable size, as ML.NET's
    /// <c>LoadRawImageBytes</c> or a <c>byte[]</c> of your own rows makes it.
    /// </param>
    /// <param name="decodeSide">
    /// The least length of a decoded image's shorter side, in pixels. JPEG and WebP files are decoded at a half, a quarter or an eighth of
    /// their size if the shorter side is then still long enough. Twice the size to which images are resized later is a good value. Default null: full
    /// size.
    /// </param>
    /// <param name="pixelLimit">
    /// The largest width times height that an image may declare, 1 or more. A quarter of the limit may be in memory at once: by default, 50
    /// million pixels of an image that is decoded at full size. Most decoders hold the whole image, even if they decode it at a reduced
    /// size. Such images count at their full size; only JPEG files that are not progressive count at the reduced size. By default, one image
    /// takes at most about 600 MB while it is decoded. Default 200 million.
    /// </param>
    /// <returns>The estimator.</returns>
    /// <remarks>
    /// <para>
    /// The supported kinds are JPEG, PNG, GIF (the first image), WebP, BMP and ICO (the largest image). Grey images get equal channels, and
    /// transparent pixels become black. A row throws a <see cref="FileNotFoundException"/> or an <see cref="InvalidDataException"/>, which
    /// names the file, if the file is missing, empty, truncated, larger than 1 GiB, too large in pixels, or not an image of these kinds. It
    /// also throws for a JPEG in the printing colours CMYK, because their look depends on a printer. The number of pixels is compared with
    /// the limit before memory is allocated for them.
    /// </para>
    /// <para>
    /// An image decoded at a reduced size has slightly different pixels from the same image decoded at full size and resized.
    /// Probabilities differ accordingly: by up to 0.115, measured with photos of 400 x 533 pixels. If predictions must be equal, use the
    /// same <paramref name="decodeSide"/> for training and for each prediction.
    /// </para>
    /// <para>
    /// A program that loads a saved pipeline with this step needs the assembly Microsoft.ML.Sla.Transforms, which is managed code only.
    /// Before <c>mlContext.Model.Load</c> the program must call
    /// <c>mlContext.ComponentCatalog.RegisterAssembly(typeof(SlaImagesCatalog).Assembly)</c>. A pipeline with ML.NET's LoadImages needs
    /// neither. Pipelines saved by version 0.1.0 can be loaded, and have the default limit.
    /// </para>
    /// </remarks>
    /// <exception cref="ArgumentException">
    /// A name is empty, or the side or the limit is below 1. <c>Fit</c> throws it where the column is missing or of another type.
    /// </exception>
    /// <example>
    /// <code language="csharp">
    /// var mlContext = new MLContext(seed: 1);
    /// var photos = mlContext.Data.LoadFromEnumerable(
    ///     Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/&lt;class>/&lt;name>.jpg
    ///         .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
    ///
    /// var images = mlContext.Transforms.LoadUprightImages("Image", "ImagePath", decodeSide: 448)
    ///     .Append(mlContext.Transforms.ResizeImages("Image", imageWidth: 224, imageHeight: 224))
    ///     .Fit(photos).Transform(photos);
    /// foreach (var image in images.GetColumn&lt;MLImage>("Image"))
    /// {
    ///     using (image)
    ///         Console.WriteLine($"{image.Width} x {image.Height}");
    /// }
    /// </code>
    /// </example>
    public static IEstimator<ITransformer> LoadUprightImages(
        this TransformsCatalog catalog, string outputColumnName, string inputColumnName, int? decodeSide = null, long pixelLimit = PixelLimit.Default)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(inputColumnName);
        if (decodeSide is { } side)
            ArgumentOutOfRangeException.ThrowIfLessThan(side, 1, nameof(decodeSide));
        ArgumentOutOfRangeException.ThrowIfLessThan(pixelLimit, 1);

        return new UprightImageLoader(catalog, outputColumnName, inputColumnName, decodeSide ?? UprightImage.FullSize, pixelLimit);
    }
}
