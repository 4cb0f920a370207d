using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>The columns that the trainer takes and those that its model adds.</summary>
internal static class TrainerSchema
{
    /// <exception cref="ArgumentException">A column is not there, or not of the type that it must be.</exception>
    public static void Check(SchemaShape schema, SlaTrainer.Options options)
    {
        InputColumns.CheckLabel(schema, options.LabelColumnName, nameof(options.LabelColumnName));
        InputColumns.CheckFeatures(schema, options.FeatureColumnName, nameof(options.FeatureColumnName));
    }

    /// <summary>The feature column of a data view, with the shape that the options and the data give.</summary>
    public static FeatureColumn Features(IDataView data, SlaTrainer.Options options)
    {
        var column = data.Schema[options.FeatureColumnName];
        return column.Type is VectorDataViewType vector
            ? FeatureColumn.OfVector(
                column.Name, vector, options.ImageWidth, options.ImageHeight, options.Channels, options.Resizing, options.PixelMaximum)
            : new FeatureColumn(column.Name, FeatureKind.Image, ImageShapeOf(data, options), options.Resizing, options.PixelMaximum);
    }

    /// <summary>The columns of the input and those that the model adds.</summary>
    public static SchemaShape Output(SchemaShape input, SlaTrainer.Options options)
    {
        var columns = input.ToDictionary(column => column.Name);
        columns[options.ScoreColumnName] = OutputColumns.Scores(options.ScoreColumnName);
        columns[options.PredictedLabelColumnName] = OutputColumns.PredictedLabel(options.PredictedLabelColumnName, columns[options.LabelColumnName]);
        if (options.ViewScoresColumnName is { } viewScores)
            columns[viewScores] = OutputColumns.Scores(viewScores);
        return new SchemaShape(columns.Values);
    }

    /// <exception cref="ArgumentException">The validation rows do not have the columns or the classes of the training rows.</exception>
    public static void CheckValidationSet(DataViewSchema schema, ClassLabels labels, SlaTrainer.Options options)
    {
        Check(MLNetInternals.ShapeOf(schema), options);
        var names = ClassLabels.Of(schema[options.LabelColumnName]).Names;
        if (!names.SequenceEqual(labels.Names))
        {
            throw new ArgumentException(
                $"The label column '{options.LabelColumnName}' of ValidationSet has the keys {string.Join(", ", names)}, and that of the training rows "
                + $"{string.Join(", ", labels.Names)}. Transform both with one fitted MapValueToKey.");
        }
    }

    private static ImageShape ImageShapeOf(IDataView data, SlaTrainer.Options options)
    {
        if (options.ImageWidth is { } width && options.ImageHeight is { } height)
            return new ImageShape(options.Channels, height, width);

        var first = RowReader.FirstImageSize(data, options.FeatureColumnName, options.OnUnreadableImage == UnreadableImage.Skip);
        return new ImageShape(options.Channels, first.Height, first.Width);
    }
}
