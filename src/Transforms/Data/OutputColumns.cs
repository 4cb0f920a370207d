using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>The columns that models add, for the output schemas of estimators.</summary>
internal static class OutputColumns
{
    private static readonly SchemaShape None = new([]);

    /// <summary>A vector of floats with slot names.</summary>
    public static SchemaShape.Column Scores(string name) => MLNetInternals.Column(
        name,
        SchemaShape.Column.VectorKind.Vector,
        NumberDataViewType.Single,
        isKey: false,
        new SchemaShape([MLNetInternals.Column("SlotNames", SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, isKey: false, None)]));

    /// <summary>A key with the key values of the label.</summary>
    public static SchemaShape.Column PredictedLabel(string name, SchemaShape.Column label)
    {
        var keyValues = label.Annotations.Where(annotation => annotation.Name == ClassLabels.KeyValuesAnnotation)
            .DefaultIfEmpty(MLNetInternals.Column(
                ClassLabels.KeyValuesAnnotation, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.UInt32, isKey: false, None));
        return MLNetInternals.Column(name, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, isKey: true, new SchemaShape(keyValues));
    }

    /// <summary>The input columns with those of a classifier's prediction.</summary>
    public static SchemaShape WithPrediction(SchemaShape input, string labelColumn, string scoreColumn, string predictedLabelColumn)
    {
        var columns = input.ToDictionary(column => column.Name);
        columns[scoreColumn] = Scores(scoreColumn);
        columns[predictedLabelColumn] = PredictedLabel(predictedLabelColumn, columns[labelColumn]);
        return new SchemaShape(columns.Values);
    }

    /// <summary>The input columns with another one.</summary>
    public static SchemaShape With(SchemaShape input, SchemaShape.Column column) => new([.. input.Where(other => other.Name != column.Name), column]);

    /// <summary>A vector of keys with text key values.</summary>
    public static SchemaShape.Column JointLabels(string name) => MLNetInternals.Column(
        name,
        SchemaShape.Column.VectorKind.Vector,
        NumberDataViewType.UInt32,
        isKey: true,
        new SchemaShape([MLNetInternals.Column(
            ClassLabels.KeyValuesAnnotation, SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, isKey: false, None)]));

    /// <summary>A vector of numbers without annotations.</summary>
    public static SchemaShape.Column Vector(string name, DataViewType itemType) =>
        MLNetInternals.Column(name, SchemaShape.Column.VectorKind.Vector, itemType, isKey: false, None);
}
