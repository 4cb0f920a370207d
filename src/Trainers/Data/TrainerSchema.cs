using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>The columns that the trainer takes and those that its model adds.</summary>
internal static class TrainerSchema
{
    /// <exception cref="ArgumentException">A column is not there, or not of the type that it must be.</exception>
    public static void Check(SchemaShape schema, ImageTrainerOptions options)
    {
        InputColumns.CheckLabel(schema, options.LabelColumnName, nameof(options.LabelColumnName));
        InputColumns.CheckFeatures(schema, options.FeatureColumnName, nameof(options.FeatureColumnName));
    }

    /// <summary>The feature column of a data view, with the shape that the options and the data give.</summary>
    public static FeatureColumn Features(IDataView data, ImageTrainerOptions options)
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
        var prediction = OutputColumns.WithPrediction(input, options.LabelColumnName, options.ScoreColumnName, options.PredictedLabelColumnName);
        return options.ViewScoresColumnName is { } viewScores ? OutputColumns.With(prediction, OutputColumns.Scores(viewScores)) : prediction;
    }

    /// <exception cref="ArgumentException">The validation rows do not have the columns or the classes of the training rows.</exception>
    public static void CheckValidationSet(DataViewSchema schema, ClassLabels labels, ImageTrainerOptions options)
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

    private static ImageShape ImageShapeOf(IDataView data, ImageTrainerOptions options)
    {
        if (options.ImageWidth is { } width && options.ImageHeight is { } height)
            return new ImageShape(options.Channels, height, width);

        var first = RowReader.FirstImageSize(data, options.FeatureColumnName, options.OnUnreadableImage == UnreadableImage.Skip);
        return new ImageShape(options.Channels, first.Height, first.Width);
    }
}
