namespace Microsoft.ML.Sla.Studies;

/// <summary>Rows of a column of images and a key of their classes: to train on, and to measure on.</summary>
internal sealed class Images
{
    public const string Column = "Image";

    private Images(MLContext mlContext, IDataView training, IDataView test) => (MLContext, Training, Test) = (mlContext, training, test);

    public MLContext MLContext { get; }

    public IDataView Training { get; }

    public IDataView Test { get; }

    /// <summary>Images that are read from their files.</summary>
    public static Images OfFiles(int seed, IEnumerable<ImageFile> training, IEnumerable<ImageFile> test)
    {
        var mlContext = new MLContext(seed);
        var files = mlContext.Data.LoadFromEnumerable(training.ToArray());
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages(Column, imageFolder: "", nameof(ImageFile.ImagePath))).Fit(files);
        return new Images(mlContext, preparation.Transform(files), preparation.Transform(mlContext.Data.LoadFromEnumerable(test.ToArray())));
    }

    /// <summary>Images whose pixels are a column of their own.</summary>
    public static Images OfPixels<T>(int seed, IEnumerable<T> training, IEnumerable<T> test)
        where T : class
    {
        var mlContext = new MLContext(seed);
        var rows = mlContext.Data.LoadFromEnumerable(training.ToArray());
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows);
        return new Images(mlContext, preparation.Transform(rows), preparation.Transform(mlContext.Data.LoadFromEnumerable(test.ToArray())));
    }
}
