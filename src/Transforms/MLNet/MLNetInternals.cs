using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;

namespace Microsoft.ML.Sla;

/// <summary>
/// The members that ML.NET keeps internal although trainers outside its own assemblies need them. The library uses no others.
/// </summary>
internal static class MLNetInternals
{
    /// <summary>Found by reflection, because its interface is internal, which UnsafeAccessor supports from .NET 10 on. Each training step reads it.</summary>
    private static readonly Lazy<PropertyInfo> IsCanceledProperty = new(() =>
        Type.GetType("Microsoft.ML.Runtime.ICancelable, Microsoft.ML.Core", throwOnError: true)!.GetProperty("IsCanceled")
        ?? throw new MissingMemberException("ICancelable", "IsCanceled"));

    public static IHostEnvironment EnvironmentOf(TrainCatalogBase.CatalogInstantiatorBase trainers) =>
        Access(() => GetEnvironment(GetOwner(trainers)));

    public static IHostEnvironment EnvironmentOf(TransformsCatalog catalog) => Access(() => GetEnvironmentField(catalog));

    public static TransformsCatalog Transforms(IHostEnvironment environment) => Access(() => NewTransformsCatalog(environment));

    public static DataOperationsCatalog Data(IHostEnvironment environment) => Access(() => NewDataOperationsCatalog(environment));

    public static SchemaShape.Column Column(string name, SchemaShape.Column.VectorKind kind, DataViewType itemType, bool isKey, SchemaShape annotations) =>
        Access(() => NewColumn(name, kind, itemType, isKey, annotations));

    public static SchemaShape ShapeOf(DataViewSchema schema) => Access(() => CreateShape(null, schema));

    /// <summary>Whether the execution of the MLContext has been cancelled.</summary>
    public static bool IsCanceled(IHostEnvironment environment) => Access(() => (bool)IsCanceledProperty.Value.GetValue(environment)!);

    /// <summary>Resizes an image as ResizeImages does.</summary>
    public static MLImage Resized(MLImage image, int width, int height, ImageResizingEstimator.ResizingKind resizing) => Access(() =>
    {
        // Uses reflection, because the mode is an internal enumeration, which UnsafeAccessor does not support.
        var mode = Type.GetType("Microsoft.ML.Data.ImageResizeMode, Microsoft.ML.ImageAnalytics", throwOnError: true)!;
        var resize = typeof(MLImage).GetMethod("CloneWithResizing", BindingFlags.Instance | BindingFlags.NonPublic, [typeof(int), typeof(int), mode])
            ?? throw new MissingMethodException(nameof(MLImage), "CloneWithResizing");
        string name = resizing switch
        {
            ImageResizingEstimator.ResizingKind.IsoPad => "Pad",
            ImageResizingEstimator.ResizingKind.IsoCrop => "CropAnchorCentral",
            _ => "Fill",
        };
        return (MLImage)resize.Invoke(image, BindingFlags.DoNotWrapExceptions, binder: null, [width, height, Enum.Parse(mode, name)], culture: null)!;
    });

    /// <summary>Converts an image as ConvertToGrayscale does.</summary>
    public static MLImage Grayscale(MLImage image) => Access(() => CloneWithGrayscale(image));

    /// <summary>Makes an image of BGRA pixels, which it then owns. ML.NET's public methods copy the pixels.</summary>
    public static MLImage Image(SKBitmap pixels) => Access(() => NewImage(pixels));

    private static T Access<T>(Func<T> member)
    {
        try
        {
            return member();
        }
        catch (Exception exception) when (exception is MissingMemberException or TypeLoadException)
        {
            throw new NotSupportedException(
                $"This version of Microsoft.ML.Sla does not work with Microsoft.ML {typeof(MLContext).Assembly.GetName().Version}: "
                + "reference Microsoft.ML 5.0.1, or a newer version of Microsoft.ML.Sla.",
                exception);
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Owner")]
    private static extern TrainCatalogBase GetOwner(TrainCatalogBase.CatalogInstantiatorBase trainers);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Environment")]
    private static extern IHostEnvironment GetEnvironment(TrainCatalogBase catalog);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_env")]
    private static extern ref IHostEnvironment GetEnvironmentField(TransformsCatalog catalog);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern TransformsCatalog NewTransformsCatalog(IHostEnvironment environment);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern DataOperationsCatalog NewDataOperationsCatalog(IHostEnvironment environment);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SchemaShape.Column NewColumn(
        string name, SchemaShape.Column.VectorKind kind, DataViewType itemType, bool isKey, SchemaShape annotations);

    [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "Create")]
    private static extern SchemaShape CreateShape(SchemaShape? declaringType, DataViewSchema schema);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern MLImage NewImage(SKBitmap image);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern MLImage CloneWithGrayscale(MLImage image);
}
