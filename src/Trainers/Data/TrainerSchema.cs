using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>The columns that the trainer takes and those that its model adds.</summary>
internal static class TrainerSchema
{
    /// <exception cref="ArgumentException">A column is not there, or not of the type that it must be.</exception>
    public static void Check(SchemaShape schema, SlaTrainer.Options options)
    {
        var label = Find(schema, options.LabelColumnName, nameof(options.LabelColumnName));
        if (label.Kind != SchemaShape.Column.VectorKind.Scalar || !label.IsKey)
        {
            throw Mismatch(
                $"The label column '{label.Name}' must be a key, and it is {Describe(label)}. "
                + $"Add mlContext.Transforms.Conversion.MapValueToKey(\"{label.Name}\") before the trainer.");
        }

        var feature = Find(schema, options.FeatureColumnName, nameof(options.FeatureColumnName));
        bool isImage = feature.Kind == SchemaShape.Column.VectorKind.Scalar && feature.ItemType.RawType == typeof(MLImage);
        bool isVector = feature.Kind == SchemaShape.Column.VectorKind.Vector && !feature.IsKey
            && (feature.ItemType == NumberDataViewType.Byte || feature.ItemType == NumberDataViewType.Single);
        if (!isImage && !isVector)
        {
            throw Mismatch(
                $"The feature column '{feature.Name}' must be an image or a vector of known size of bytes or floats, and it is {Describe(feature)}. "
                + "Load images with mlContext.Transforms.LoadImages, and give the name of its output column as FeatureColumnName.");
        }
    }

    /// <summary>The feature column of a data view, with the shape that the options and the data give.</summary>
    public static FeatureColumn Features(IDataView data, SlaTrainer.Options options)
    {
        var column = data.Schema[options.FeatureColumnName];
        if (column.Type is not VectorDataViewType vector)
            return new FeatureColumn(column.Name, FeatureKind.Image, ImageShapeOf(data, options), options.Resizing, options.PixelMaximum);

        var kind = vector.ItemType == NumberDataViewType.Byte ? FeatureKind.Bytes : FeatureKind.Floats;
        return new FeatureColumn(column.Name, kind, VectorShape(vector, options), options.Resizing, options.PixelMaximum);
    }

    /// <summary>The columns of the input and those that the model adds.</summary>
    public static SchemaShape Output(SchemaShape input, SlaTrainer.Options options)
    {
        var columns = input.ToDictionary(column => column.Name);
        var label = columns[options.LabelColumnName];
        var names = new SchemaShape([MLNetInternals.Column(
            "SlotNames", SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, isKey: false, new SchemaShape([]))]);
        var keyValues = new SchemaShape(label.Annotations.Where(annotation => annotation.Name == ClassLabels.KeyValuesAnnotation)
            .DefaultIfEmpty(MLNetInternals.Column(
                ClassLabels.KeyValuesAnnotation, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.UInt32, isKey: false, new SchemaShape([]))));
        columns[options.ScoreColumnName] = MLNetInternals.Column(
            options.ScoreColumnName, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, isKey: false, names);
        columns[options.PredictedLabelColumnName] = MLNetInternals.Column(
            options.PredictedLabelColumnName, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, isKey: true, keyValues);
        if (options.ViewScoresColumnName is { } viewScores)
            columns[viewScores] = MLNetInternals.Column(viewScores, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, isKey: false, names);
        return new SchemaShape(columns.Values);
    }

    /// <exception cref="ArgumentException">The validation rows do not have the columns or the classes of the training rows.</exception>
    public static void CheckValidationSet(DataViewSchema schema, ClassLabels labels, SlaTrainer.Options options)
    {
        Check(MLNetInternals.ShapeOf(schema), options);
        var names = ClassLabels.Of(schema[options.LabelColumnName]).Names;
        if (!names.SequenceEqual(labels.Names))
        {
            throw Mismatch(
                $"The label column '{options.LabelColumnName}' of ValidationSet has the keys {string.Join(", ", names)}, and that of the training rows "
                + $"{string.Join(", ", labels.Names)}. Transform both with one fitted MapValueToKey.");
        }
    }

    private static ImageShape ImageShapeOf(IDataView data, SlaTrainer.Options options)
    {
        if (options.ImageWidth is { } width && options.ImageHeight is { } height)
            return new ImageShape(options.Channels, height, width);

        var first = PixelReader.FirstImageSize(data, options.FeatureColumnName);
        return new ImageShape(options.Channels, first.Height, first.Width);
    }

    private static ImageShape VectorShape(VectorDataViewType vector, SlaTrainer.Options options)
    {
        string column = options.FeatureColumnName;
        if (!vector.IsKnownSize)
            throw Mismatch($"The feature column '{column}' is a vector of unknown size. Make it one of Channels * ImageHeight * ImageWidth values.");

        var shape = (options.ImageWidth, options.ImageHeight, vector.Dimensions) switch
        {
            ({ } width, { } height, _) => new ImageShape(options.Channels, height, width),
            (_, _, [var channels, var height, var width]) => new ImageShape(channels, height, width),
            _ => SquareShape(vector.Size, options.Channels),
        };
        if (shape.Length != vector.Size)
        {
            throw Mismatch(
                $"The feature column '{column}' has {vector.Size} values, and images of {shape} (Channels x ImageHeight x ImageWidth) have {shape.Length}. "
                + "Set Channels, ImageHeight and ImageWidth to what the vector holds.");
        }

        return shape;
    }

    private static ImageShape SquareShape(int size, int channels)
    {
        int side = (int)Math.Round(Math.Sqrt((double)size / channels));
        return new ImageShape(channels, side, side);
    }

    private static SchemaShape.Column Find(SchemaShape schema, string name, string option)
    {
        foreach (var column in schema)
        {
            if (column.Name == name)
                return column;
        }

        throw Mismatch(
            $"There is no column '{name}', which the option {option} names. The columns are: {string.Join(", ", schema.Select(c => c.Name))}.");
    }

    private static string Describe(SchemaShape.Column column) =>
        (column.Kind == SchemaShape.Column.VectorKind.Scalar ? "" : "a vector of ") + (column.IsKey ? "a key" : column.ItemType.ToString());

    private static ArgumentException Mismatch(string message) => new(message);
}
