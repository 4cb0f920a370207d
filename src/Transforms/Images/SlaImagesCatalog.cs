using Microsoft.ML.Sla.Images;

namespace Microsoft.ML;

/// <summary>Loads images from <c>mlContext.Transforms</c> as a person sees them.</summary>
public static class SlaImagesCatalog
{
    /// <summary>
    /// Loads images as ML.NET's <c>LoadImages</c> does, upright: the orientation that a camera wrote into the file
    /// (EXIF of JPEG and WebP, the chunk eXIf of PNG) is honoured. Large JPEG files are decoded at a reduced size where
    /// that is enough, which is several times faster.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="outputColumnName">Name of the image column that is added.</param>
    /// <param name="inputColumnName">Name of the column of paths, absolute or from the current directory.</param>
    /// <param name="decodeSide">
    /// The shorter side, in pixels, that an image is to have at least; JPEG and WebP files are decoded at a half, a
    /// quarter or an eighth of their size while they have it. Twice the size that the images are resized to afterwards
    /// is a good value. Default null: full size.
    /// </param>
    /// <param name="pixelLimit">
    /// Width times height that an image may declare, at most. A quarter of it may be in memory at once: by default, 50
    /// million pixels of an image that is decoded at full size. Kinds that their decoder holds whole are counted at
    /// full size also where they are reduced: all but JPEG files that are not progressive. One image takes at most
    /// about 600 MB, by default, while it is decoded. Default 200 million.
    /// </param>
    /// <returns>The estimator.</returns>
    /// <remarks>
    /// <para>
    /// JPEG, PNG, GIF (the first image), WebP, BMP and ICO (the largest image) are read. Grey images have equal
    /// channels; what is transparent is black. A file that is missing, empty, cut off, of more than 1 GiB, too large in
    /// pixels, no image of these kinds, or a JPEG in the printing colours CMYK, whose look depends on a printer, is an
    /// error of its row that names it: a <see cref="FileNotFoundException"/> or an <see cref="InvalidDataException"/>.
    /// The pixels are compared with the limit before there is memory for them.
    /// </para>
    /// <para>
    /// An image decoded at a reduced size has slightly different pixels from the same image decoded at full size and
    /// resized. Probabilities differ with them: by up to 0.115, measured with photos of 400 x 533 pixels. Where answers
    /// are to be equal, <paramref name="decodeSide"/> is the same for training and for each prediction.
    /// </para>
    /// <para>
    /// A saved pipeline with this step needs the assembly Microsoft.ML.Sla.Transforms, managed code only, where it is
    /// loaded, and there, before <c>mlContext.Model.Load</c>,
    /// <c>mlContext.ComponentCatalog.RegisterAssembly(typeof(SlaImagesCatalog).Assembly)</c>. A pipeline with ML.NET's
    /// LoadImages needs neither. Pipelines that version 0.1.0 saved load, and have the default limit.
    /// </para>
    /// </remarks>
    /// <exception cref="ArgumentException">A name is empty, or the side or the limit below 1.</exception>
    public static IEstimator<ITransformer> LoadUprightImages(
        this TransformsCatalog catalog, string outputColumnName, string inputColumnName, int? decodeSide = null, long pixelLimit = PixelLimit.Default)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(inputColumnName);
        if (decodeSide is { } side)
            ArgumentOutOfRangeException.ThrowIfLessThan(side, 1, nameof(decodeSide));
        ArgumentOutOfRangeException.ThrowIfLessThan(pixelLimit, 1);

        // A mapping is saved as the name of its contract alone; so what varies comes to it in columns, which ML.NET's
        // own steps make.
        IEstimator<ITransformer> Constant(string column, FormattableString value) =>
            catalog.Expression(column, FormattableString.Invariant($"path => {FormattableString.Invariant(value)}"), inputColumnName);

        return catalog.CopyColumns(UprightImageMapping.PathColumn, inputColumnName)
            .Append(Constant(UprightImageMapping.SideColumn, $"{decodeSide ?? UprightImage.FullSize}"))
            .Append(Constant(UprightImageMapping.LimitColumn, $"{pixelLimit}L"))
            .Append(catalog.CustomMapping(new UprightImageMapping().GetMapping(), UprightImageMapping.Contract))
            .Append(catalog.CopyColumns(outputColumnName, UprightImageMapping.ImageColumn))
            .Append(catalog.DropColumns(
                UprightImageMapping.PathColumn, UprightImageMapping.SideColumn, UprightImageMapping.LimitColumn, UprightImageMapping.ImageColumn));
    }
}
