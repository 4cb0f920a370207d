using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>Checks the columns that estimators read. Each message names the column and the remedy.</summary>
internal static class InputColumns
{
    /// <summary>Finds a column.</summary>
    /// <param name="schema">The existing columns.</param>
    /// <param name="name">The name of the column.</param>
    /// <param name="option">The option or parameter that gives the name.</param>
    /// <exception cref="ArgumentException">The column is missing.</exception>
    public static SchemaShape.Column Find(SchemaShape schema, string name, string option)
    {
        foreach (var column in schema)
        {
            if (column.Name == name)
                return column;
        }

        throw new ArgumentException(
            $"There is no column '{name}', which the option {option} names. The columns are: {string.Join(", ", schema.Select(c => c.Name))}.");
    }

    /// <exception cref="ArgumentException">The column is missing, or is not a key.</exception>
    public static void CheckLabel(SchemaShape schema, string name, string option)
    {
        var label = Find(schema, name, option);
        if (label.Kind != SchemaShape.Column.VectorKind.Scalar || !label.IsKey)
        {
            throw new ArgumentException(
                $"The label column '{name}' must be a key, and it is {Describe(label)}. "
                + $"Add mlContext.Transforms.Conversion.MapValueToKey(\"{name}\") before the trainer.");
        }
    }

    /// <exception cref="ArgumentException">The column is missing, or is neither an image nor a vector of pixels.</exception>
    public static SchemaShape.Column CheckFeatures(SchemaShape schema, string name, string option)
    {
        var feature = Find(schema, name, option);
        bool isImage = feature.Kind == SchemaShape.Column.VectorKind.Scalar && feature.ItemType.RawType == typeof(MLImage);
        bool isVector = feature.Kind == SchemaShape.Column.VectorKind.Vector && !feature.IsKey
            && (feature.ItemType == NumberDataViewType.Byte || feature.ItemType == NumberDataViewType.Single);
        if (!isImage && !isVector)
        {
            bool isFile = feature.Kind == SchemaShape.Column.VectorKind.VariableVector && feature.ItemType == NumberDataViewType.Byte;
            string remedy = isFile
                ? $"If it has the bytes of image files, add mlContext.Transforms.LoadUprightImages(\"Image\", \"{name}\"), and give \"Image\" as {option}."
                : $"Load images with mlContext.Transforms.LoadImages, and give the name of its output column as {option}.";
            throw new ArgumentException($"The feature column '{name}' must be an image or a vector of known size of bytes or floats, and it is {Describe(feature)}. {remedy}");
        }

        return feature;
    }

    /// <summary>The shape of the images in a vector column: the given size, else that of the vector's dimensions, else square.</summary>
    /// <exception cref="ArgumentException">The number of values does not match the shape.</exception>
    public static ImageShape VectorShape(string column, VectorDataViewType vector, int? imageWidth, int? imageHeight, int channels)
    {
        if (!vector.IsKnownSize)
            throw new ArgumentException($"The feature column '{column}' is a vector of unknown size. Make it one of Channels * ImageHeight * ImageWidth values.");

        var shape = (imageWidth, imageHeight, vector.Dimensions) switch
        {
            ({ } width, { } height, _) => new ImageShape(channels, height, width),
            (_, _, [var planes, var height, var width]) => new ImageShape(planes, height, width),
            _ => SquareShape(vector.Size, channels),
        };
        if (shape.Length != vector.Size)
        {
            throw new ArgumentException(
                $"The feature column '{column}' has {vector.Size} values, and images of {shape} (Channels x ImageHeight x ImageWidth) have {shape.Length}. "
                + "Set Channels, ImageHeight and ImageWidth to what the vector holds.");
        }

        return shape;
    }

    public static string Describe(SchemaShape.Column column) =>
        column.Kind switch { SchemaShape.Column.VectorKind.Scalar => "", SchemaShape.Column.VectorKind.Vector => "a vector of ", _ => "a vector of variable size of " } + (column.IsKey ? "a key" : column.ItemType.ToString());

    private static ImageShape SquareShape(int size, int channels)
    {
        int side = (int)Math.Round(Math.Sqrt((double)size / channels));
        return new ImageShape(channels, side, side);
    }
}
