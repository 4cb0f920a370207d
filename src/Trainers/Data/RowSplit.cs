namespace Microsoft.ML.Sla.Data;

/// <summary>Divides the rows of a store into those trained on and those measured on.</summary>
internal static class RowSplit
{
    /// <summary>Keeps a share of each class's rows from training.</summary>
    /// <param name="store">The rows.</param>
    /// <param name="fraction">The share, 0 to below 1. At least one row of a class is trained on.</param>
    /// <param name="seed">Which rows: a function of the seed.</param>
    public static (int[] Training, int[] Validation) ByLabel(PixelStore store, float fraction, int seed)
    {
        var random = new Random(seed);
        var validation = new HashSet<int>();
        foreach (var rowsOfClass in Enumerable.Range(0, store.Count).GroupBy(store.Label).OrderBy(group => group.Key))
        {
            int[] rows = [.. rowsOfClass];
            random.Shuffle(rows);
            validation.UnionWith(rows.Take(Math.Min(rows.Length - 1, (int)Math.Round(fraction * rows.Length))));
        }

        var all = Enumerable.Range(0, store.Count);
        return ([.. all.Where(row => !validation.Contains(row))], [.. all.Where(validation.Contains)]);
    }

    /// <exception cref="InvalidOperationException">There is no row, or there is one class only.</exception>
    public static void CheckClasses(PixelStore store, ClassLabels labels)
    {
        if (store.Count == 0)
            throw PixelReader.NoRows();

        int[] present = [.. Enumerable.Range(0, store.Count).Select(store.Label).Distinct()];
        if (present.Length < 2)
        {
            throw new InvalidOperationException(
                $"All {store.Count} rows have the label '{labels.Names[present[0]]}' in column '{labels.ColumnName}': a classifier needs two classes or more.");
        }
    }
}
