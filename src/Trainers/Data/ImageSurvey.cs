using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>What some of the images of a data view are like, before they are resized.</summary>
/// <param name="TypicalSide">The median of the shorter sides, in pixels; 0 if no image can be read.</param>
/// <param name="AreGrey">Whether all are grey.</param>
internal sealed record ImageSurvey(int TypicalSide, bool AreGrey)
{
    private const int Looked = 64;
    private const int BytesOfPixel = 4;

    /// <summary>Looks at images from all parts of a view. It leaves out those that cannot be read: the reader of the rows names them.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="features">The feature column.</param>
    /// <param name="checkCancellation">Throws to stop.</param>
    public static ImageSurvey Of(IDataView data, FeatureColumn features, Action checkCancellation)
    {
        if (features.Kind != FeatureKind.Image)
            return new ImageSurvey(Math.Min(features.Shape.Height, features.Shape.Width), features.Shape.Channels == 1);

        var sides = new List<int>();
        bool areGrey = true;
        foreach (var image in Some(data, features.Name, checkCancellation))
        {
            sides.Add(Math.Min(image.Width, image.Height));
            areGrey = areGrey && (features.Shape.Channels == 1 || IsGrey(image.Pixels));
        }

        return sides.Count == 0 ? new ImageSurvey(0, AreGrey: false) : new ImageSurvey(sides.Order().ElementAt(sides.Count / 2), areGrey);
    }

    /// <summary>Images from all parts of a view. Each is valid until the next.</summary>
    private static IEnumerable<MLImage> Some(IDataView data, string columnName, Action checkCancellation)
    {
        long apart = Math.Max(1, Count(data, checkCancellation) / Looked);
        var column = data.Schema[columnName];
        using var cursor = data.GetRowCursor([column]);
        var getImage = cursor.GetGetter<MLImage>(column);
        MLImage image = null!;
        while (cursor.MoveNext())
        {
            checkCancellation();
            if (cursor.Position % apart == 0 && CanBeRead())
                yield return image;
        }

        bool CanBeRead()
        {
            try
            {
                getImage(ref image);
                return image is not null;
            }
            catch (Exception exception) when (exception is not (OperationCanceledException or OutOfMemoryException))
            {
                return false;
            }
        }
    }

    private static long Count(IDataView data, Action checkCancellation)
    {
        if (data.GetRowCount() is { } known)
            return known;
        long count = 0;
        using var cursor = data.GetRowCursor([]);
        for (; cursor.MoveNext(); count++)
            checkCancellation();
        return count;
    }

    private static bool IsGrey(ReadOnlySpan<byte> pixels)
    {
        for (int i = 0; i + BytesOfPixel <= pixels.Length; i += BytesOfPixel)
        {
            if (pixels[i] != pixels[i + 1] || pixels[i] != pixels[i + 2])
                return false;
        }

        return true;
    }
}
