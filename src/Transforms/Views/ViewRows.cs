using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla;

/// <summary>Splits augmented rows, which have M views each, into one row for each view, for trainers of ordinary rows.</summary>
internal static class ViewRows
{
    /// <summary>A view that reads the data again each time it is read, and holds one row in memory.</summary>
    public static IDataView Of(DataOperationsCatalog catalog, IDataView data, string viewsColumnName, string jointLabelColumnName) =>
        ((VectorDataViewType)data.Schema[viewsColumnName].Type).ItemType == NumberDataViewType.Byte
            ? Of<byte>(catalog, data, viewsColumnName, jointLabelColumnName)
            : Of<float>(catalog, data, viewsColumnName, jointLabelColumnName);

    private static IDataView Of<T>(DataOperationsCatalog catalog, IDataView data, string viewsColumnName, string jointLabelColumnName)
    {
        var viewsType = (VectorDataViewType)data.Schema[viewsColumnName].Type;
        var labelColumn = data.Schema[jointLabelColumnName];
        var labelType = (VectorDataViewType)labelColumn.Type;
        VBuffer<ReadOnlyMemory<char>> names = default;
        labelColumn.GetKeyValues(ref names);

        var definition = SchemaDefinition.Create(typeof(ViewRow<T>));
        var view = definition[nameof(ViewRow<T>.View)];
        view.ColumnType = new VectorDataViewType((PrimitiveDataViewType)viewsType.ItemType, viewsType.Size / labelType.Size);
        view.ColumnName = viewsColumnName;
        var label = definition[nameof(ViewRow<T>.Label)];
        label.ColumnType = labelType.ItemType;
        label.ColumnName = jointLabelColumnName;
        label.AddAnnotation(ClassLabels.KeyValuesAnnotation, names, new VectorDataViewType(TextDataViewType.Instance, names.Length));
        return catalog.LoadFromEnumerable(Read<T>(data, data.Schema[viewsColumnName], labelColumn, labelType.Size), definition);
    }

    private static IEnumerable<ViewRow<T>> Read<T>(IDataView data, DataViewSchema.Column viewsColumn, DataViewSchema.Column labelColumn, int views)
    {
        using var cursor = data.GetRowCursor([viewsColumn, labelColumn]);
        var getViews = cursor.GetGetter<VBuffer<T>>(viewsColumn);
        var getLabels = cursor.GetGetter<VBuffer<uint>>(labelColumn);
        VBuffer<T> pixels = default;
        VBuffer<uint> labels = default;
        while (cursor.MoveNext())
        {
            getViews(ref pixels);
            getLabels(ref labels);
            T[][] ofViews = [.. pixels.DenseValues().Chunk(pixels.Length / views)];
            uint[] keys = [.. labels.DenseValues()];

            // Converts raw keys, which count from 1, to numbers from 0. A missing key, 0, becomes a number that no key has.
            for (int j = 0; j < views; j++)
                yield return new ViewRow<T> { View = ofViews[j], Label = unchecked(keys[j] - 1) };
        }
    }

    private sealed class ViewRow<T>
    {
        public required T[] View { get; set; }

        public required uint Label { get; set; }
    }
}
