using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Sla.Data;

/// <summary>Reads labelled images from a data view into a <see cref="PixelStore"/>, in one pass.</summary>
internal static class PixelReader
{
    /// <summary>Appends all rows that have a label to a store.</summary>
    /// <param name="environment">ML.NET's environment.</param>
    /// <param name="data">The rows.</param>
    /// <param name="labelColumnName">The label column.</param>
    /// <param name="features">The feature column.</param>
    /// <param name="sameSize">
    /// Whether images must all be of the features' shape; otherwise they are resized to it.
    /// </param>
    /// <param name="store">The store.</param>
    /// <param name="checkCancellation">Throws where the reading is to stop.</param>
    /// <returns>How many rows were left out for want of a label.</returns>
    /// <exception cref="InvalidOperationException">A row cannot be used; the message names it and says what to do.</exception>
    public static long Read(
        IHostEnvironment environment,
        IDataView data,
        string labelColumnName,
        FeatureColumn features,
        bool sameSize,
        PixelStore store,
        Action checkCancellation)
    {
        IDataView prepared = data;
        if (features.Kind == FeatureKind.Image)
        {
            foreach (var step in features.PrepareImages(environment, resize: !sameSize))
                prepared = step.Fit(prepared).Transform(prepared);
        }

        string source = features.Kind == FeatureKind.Image ? features.PreparedImageColumn(resize: !sameSize) : features.Name;
        var labelColumn = prepared.Schema[labelColumnName];
        var pixelColumn = prepared.Schema[source];

        long unlabelled = 0;
        using var cursor = prepared.GetRowCursor([labelColumn, pixelColumn]);
        var getLabel = ClassLabels.Getter(cursor, labelColumn);
        var pixels = PixelSource.Create(cursor, pixelColumn, features);
        while (cursor.MoveNext())
        {
            checkCancellation();
            int label = getLabel();
            if (label < 0)
            {
                unlabelled++;
                continue;
            }

            try
            {
                pixels.Read(store.Add(label));
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                throw new InvalidOperationException(
                    $"Column '{features.Name}' of {RowDescription.Of(data, cursor.Position)} cannot be used: {exception.Message}", exception);
            }
        }

        pixels.CheckRange();
        return unlabelled;
    }

    /// <summary>The size of the first image of a column.</summary>
    /// <exception cref="InvalidOperationException">There is no row, or the first image cannot be read.</exception>
    public static (int Width, int Height) FirstImageSize(IDataView data, string columnName)
    {
        var column = data.Schema[columnName];
        using var cursor = data.GetRowCursor([column]);
        if (!cursor.MoveNext())
            throw NoRows();

        MLImage image = null!;
        try
        {
            cursor.GetGetter<MLImage>(column)(ref image);
            return image is null ? throw new InvalidDataException("there is no image.") : (image.Width, image.Height);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw new InvalidOperationException($"Column '{columnName}' of {RowDescription.Of(data, 0)} cannot be used: {exception.Message}", exception);
        }
    }

    public static InvalidOperationException NoRows() => new(
        "There are no labelled images to train on: the data view has no rows with a label. Check the paths and filters that it is made from.");
}
