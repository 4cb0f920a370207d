using Microsoft.ML.Sla.Images;

namespace Microsoft.ML;

/// <summary>Loads images from <c>mlContext.Transforms</c> as a person sees them.</summary>
public static class ImagesCatalog
{
    /// <summary>
    /// Loads images as ML.NET's <c>LoadImages</c> does, upright: the orientation that a camera wrote into the file (EXIF) is
    /// honoured. Large JPEG files are decoded at a reduced size where that is enough, which is several times faster.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="outputColumnName">Name of the image column that is added.</param>
    /// <param name="inputColumnName">Name of the column of paths, absolute or from the current directory.</param>
    /// <param name="decodeSide">
    /// The shorter side, in pixels, that an image is to have at least; JPEG files are decoded at a half, a quarter or an eighth of
    /// their size while they have it. Twice the size that the images are resized to afterwards is a good value. Default null: full
    /// size.
    /// </param>
    /// <returns>The estimator.</returns>
    /// <remarks>
    /// <para>
    /// Grey images have equal channels; what is transparent is black. A file that is missing, empty, cut off, no image, or a JPEG in
    /// the printing colours CMYK, whose look depends on a printer, is an error that names it.
    /// </para>
    /// <para>
    /// A saved pipeline with this step needs the assembly Microsoft.ML.Sla.Transforms, managed code only, where it is loaded, and
    /// there, before <c>mlContext.Model.Load</c>,
    /// <c>mlContext.ComponentCatalog.RegisterAssembly(typeof(ImagesCatalog).Assembly)</c>. A pipeline with ML.NET's LoadImages needs
    /// neither.
    /// </para>
    /// </remarks>
    /// <exception cref="ArgumentException">A name is empty, or the side below 1.</exception>
    public static IEstimator<ITransformer> LoadUprightImages(
        this TransformsCatalog catalog, string outputColumnName, string inputColumnName, int? decodeSide = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(inputColumnName);
        if (decodeSide is { } side)
            ArgumentOutOfRangeException.ThrowIfLessThan(side, 1, nameof(decodeSide));

        // A mapping is saved as the name of its contract alone; so what varies comes to it in columns, which ML.NET's own steps make.
        return catalog.CopyColumns(UprightImageMapping.PathColumn, inputColumnName)
            .Append(catalog.Expression(UprightImageMapping.SideColumn, FormattableString.Invariant($"path => {decodeSide ?? UprightImageMapping.FullSize}"), inputColumnName))
            .Append(catalog.CustomMapping(new UprightImageMapping().GetMapping(), UprightImageMapping.Contract))
            .Append(catalog.CopyColumns(outputColumnName, UprightImageMapping.ImageColumn))
            .Append(catalog.DropColumns(UprightImageMapping.PathColumn, UprightImageMapping.SideColumn, UprightImageMapping.ImageColumn));
    }
}
