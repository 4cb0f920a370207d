using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>The columns that the trainer reads, and those that its model adds.</summary>
internal static class TrainerSchema
{
    /// <exception cref="ArgumentException">A column is missing or has the wrong type.</exception>
    public static void Check(SchemaShape schema, string labelColumnName, string featureColumnName)
    {
        InputColumns.CheckLabel(schema, labelColumnName, "LabelColumnName");
        InputColumns.CheckFeatures(schema, featureColumnName, "FeatureColumnName");
    }

    /// <summary>The columns of the input and those that the model adds.</summary>
    public static SchemaShape Output(
        SchemaShape input, string labelColumnName, string scoreColumnName, string predictedLabelColumnName, string? viewScoresColumnName, string? confidenceColumnName)
    {
        var output = OutputColumns.WithPrediction(input, labelColumnName, scoreColumnName, predictedLabelColumnName);
        if (viewScoresColumnName is not null)
            output = OutputColumns.With(output, OutputColumns.Scores(viewScoresColumnName));
        return confidenceColumnName is null ? output : OutputColumns.With(output, OutputColumns.Vector(confidenceColumnName, NumberDataViewType.Single));
    }

    /// <exception cref="ArgumentException">The validation rows do not have the columns or the classes of the training rows.</exception>
    public static void CheckValidationSet(DataViewSchema schema, ClassLabels labels, string featureColumnName)
    {
        Check(MLNetInternals.ShapeOf(schema), labels.ColumnName, featureColumnName);
        var names = ClassLabels.Of(schema[labels.ColumnName]).Names;
        if (!names.SequenceEqual(labels.Names))
        {
            throw new ArgumentException(
                $"The label column '{labels.ColumnName}' of ValidationSet has the keys {string.Join(", ", names)}, and that of the training rows "
                + $"{string.Join(", ", labels.Names)}. Transform both with one fitted MapValueToKey.");
        }
    }
}
