using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>The embeddings of a data view's rows, read in one pass.</summary>
internal static class EmbeddedRows
{
    /// <summary>Reads the rows that have a label.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="labelColumnName">The label column, a key.</param>
    /// <param name="embeddingColumnName">The column of embeddings.</param>
    /// <param name="views">M, the number of embeddings in a vector.</param>
    /// <returns>The class and the M*D values of each row.</returns>
    /// <exception cref="ArgumentException">A column is missing or has the wrong type.</exception>
    public static List<(int Label, float[] Values)> ReadLabelled(IDataView data, string labelColumnName, string embeddingColumnName, int views)
    {
        var shape = MLNetInternals.ShapeOf(data.Schema);
        InputColumns.CheckLabel(shape, labelColumnName, "LabelColumnName");
        CheckEmbedding(shape, embeddingColumnName);
        var label = data.Schema[labelColumnName];
        var embedding = data.Schema[embeddingColumnName];
        Size(embedding, views);

        var rows = new List<(int, float[])>();
        using var cursor = data.GetRowCursor([label, embedding]);
        var getLabel = ClassLabels.Getter(cursor, label);
        var getValues = cursor.GetGetter<VBuffer<float>>(embedding);
        VBuffer<float> values = default;
        while (cursor.MoveNext())
        {
            if (getLabel() is not (>= 0 and var number))
                continue;
            getValues(ref values);
            rows.Add((number, [.. values.DenseValues()]));
        }

        return rows;
    }

    /// <exception cref="ArgumentException">The column is missing, or is not a vector of floats.</exception>
    public static void CheckEmbedding(SchemaShape schema, string columnName)
    {
        var column = InputColumns.Find(schema, columnName, "EmbeddingColumnName");
        if (column.Kind != SchemaShape.Column.VectorKind.Vector || column.ItemType != NumberDataViewType.Single || column.IsKey)
        {
            throw new ArgumentException(
                $"The column '{columnName}' must be a vector of known size of floats, and it is {InputColumns.Describe(column)}. "
                + "Give the column that an SlaEmbeddingTransformer adds as EmbeddingColumnName.");
        }
    }

    /// <summary>The size M*D of the vectors in a column.</summary>
    /// <exception cref="ArgumentException">The size of the vectors is not a multiple of the number of views.</exception>
    public static int Size(DataViewSchema.Column column, int views)
    {
        int size = ((VectorDataViewType)column.Type).Size;
        return size % views == 0 && size > 0 ? size : throw new ArgumentException(
            $"The column '{column.Name}' has {size} values, which are not {views} embeddings of one size. Set Views to the number of views that it holds.");
    }

    /// <summary>The mean of vectors.</summary>
    public static float[] Mean(IReadOnlyCollection<float[]> vectors)
    {
        var sums = new double[vectors.First().Length];
        foreach (float[] vector in vectors)
        {
            for (int i = 0; i < sums.Length; i++)
                sums[i] += vector[i];
        }

        return Array.ConvertAll(sums, sum => (float)(sum / vectors.Count));
    }
}
