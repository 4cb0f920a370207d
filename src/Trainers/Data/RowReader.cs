using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>Reads labels and images of chosen rows of a data view, images on several threads.</summary>
/// <remarks>
/// ML.NET's getters are lazy, so a cursor that only moves decodes nothing. Each worker therefore has its own cursor over the whole view,
/// and gets only the images of its share of the rows. Every data view allows this, even one that ML.NET itself decodes on one thread.
/// </remarks>
internal sealed class RowReader
{
    private readonly IDataView _data;
    private readonly DataViewSchema.Column _labelColumn;
    private readonly DataViewSchema.Column _pixelColumn;
    private readonly FeatureColumn _features;
    private readonly bool _sameSize;

    /// <param name="data">The rows.</param>
    /// <param name="labelColumnName">The label column.</param>
    /// <param name="features">The feature column.</param>
    /// <param name="sameSize">Whether all images must already have the features' shape; otherwise they are resized to it.</param>
    /// <param name="workers">Number of threads that decode images. Ignored for vectors, which one thread reads: each cursor would parse all rows.</param>
    public RowReader(IDataView data, string labelColumnName, FeatureColumn features, bool sameSize, int workers)
    {
        _data = data;
        _labelColumn = data.Schema[labelColumnName];
        _pixelColumn = data.Schema[features.Name];
        _features = features;
        _sameSize = sameSize;
        Workers = features.Kind == FeatureKind.Image ? workers : 1;
    }

    /// <summary>Returns the buffer for the pixels of a row.</summary>
    /// <param name="index">The index of the row among the requested rows.</param>
    /// <param name="worker">The number of the calling worker. Each worker calls from one thread.</param>
    public delegate Span<byte> PixelTarget(int index, int worker);

    /// <summary>The number of workers.</summary>
    public int Workers { get; }

    /// <summary>Reads the rows with a label, in order, and the number of rows without one. It decodes no image.</summary>
    public (List<(long Position, int Label)> Labelled, long Unlabelled) ReadLabels(Action checkCancellation)
    {
        var labelled = new List<(long, int)>();
        long unlabelled = 0;
        using var cursor = _data.GetRowCursor([_labelColumn]);
        var getLabel = ClassLabels.Getter(cursor, _labelColumn);
        while (cursor.MoveNext())
        {
            checkCancellation();
            int label = getLabel();
            if (label < 0)
                unlabelled++;
            else
                labelled.Add((cursor.Position, label));
        }

        return (labelled, unlabelled);
    }

    /// <summary>Reads the pixels of rows.</summary>
    /// <param name="positions">The rows' positions in the view, ascending.</param>
    /// <param name="target">Returns the buffer for the pixels of a row.</param>
    /// <param name="skipUnreadable">Whether to continue with the other rows if one cannot be read.</param>
    /// <param name="checkCancellation">Called by the workers; throws to stop the reading.</param>
    /// <returns>The indices of unreadable rows, ascending, with the reasons. Without <paramref name="skipUnreadable"/>, at most the first one.</returns>
    public List<(int Index, Exception Reason)> ReadPixels(
        IReadOnlyList<long> positions, PixelTarget target, bool skipUnreadable, Action checkCancellation)
    {
        var failures = new List<(int Index, Exception Reason)>();
        int end = positions.Count;
        int workers = Math.Clamp(positions.Count, 1, Workers);
        try
        {
            Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, Read);
        }
        catch (AggregateException exception)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }

        failures.Sort((a, b) => a.Index.CompareTo(b.Index));
        return skipUnreadable ? failures : [.. failures.Take(1)];

        void Read(int worker)
        {
            using var cursor = _data.GetRowCursor([_pixelColumn]);
            var pixels = PixelSource.Create(cursor, _pixelColumn, _features, _sameSize);
            for (int index = worker; index < Volatile.Read(ref end); index += workers)
            {
                checkCancellation();
                MoveTo(cursor, positions[index]);
                try
                {
                    pixels.Read(target(index, worker));
                }
                catch (Exception exception) when (exception is not (OperationCanceledException or OutOfMemoryException))
                {
                    lock (failures)
                    {
                        failures.Add((index, exception));
                        if (!skipUnreadable)
                            end = Math.Min(end, index);
                    }
                }
            }

            pixels.CheckRange();
        }
    }

    /// <summary>The error of a row that could not be read.</summary>
    public InvalidOperationException Unreadable(long position, Exception reason) => Unreadable(_data, _features.Name, position, reason);

    /// <summary>The size of the first image of a column.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="columnName">The column.</param>
    /// <param name="skipUnreadable">Whether to skip images that cannot be read.</param>
    /// <exception cref="InvalidOperationException">There is no row, or the image cannot be read.</exception>
    public static (int Width, int Height) FirstImageSize(IDataView data, string columnName, bool skipUnreadable)
    {
        var column = data.Schema[columnName];
        using var cursor = data.GetRowCursor([column]);
        var getImage = cursor.GetGetter<MLImage>(column);
        MLImage image = null!;
        while (cursor.MoveNext())
        {
            try
            {
                getImage(ref image);
                return image is null ? throw new InvalidDataException("there is no image.") : (image.Width, image.Height);
            }
            catch (Exception exception) when (exception is not (OperationCanceledException or OutOfMemoryException))
            {
                if (!skipUnreadable)
                    throw Unreadable(data, columnName, cursor.Position, exception);
            }
        }

        throw NoRows();
    }

    public static InvalidOperationException NoRows() => new(
        "There are no labelled images to train on: the data view has no rows with a label. Check the paths and filters that it is made from.");

    private static InvalidOperationException Unreadable(IDataView data, string columnName, long position, Exception reason) =>
        new($"Column '{columnName}' of {RowDescription.Of(data, position)} cannot be used: {reason.Message}", reason);

    private static void MoveTo(DataViewRowCursor cursor, long position)
    {
        while (cursor.Position < position)
        {
            if (!cursor.MoveNext())
            {
                throw new InvalidOperationException(
                    $"The data view had a row {position} when its labels were read, and now ends after {cursor.Position + 1} rows: "
                    + "its files or its source changed. Do not change them while a training runs.");
            }
        }
    }
}
