namespace Microsoft.ML.Sla.Data;

/// <summary>Rows of a store: those that are trained on, or those that are measured on.</summary>
/// <param name="Store">The images.</param>
/// <param name="Rows">Their numbers.</param>
internal sealed record RowSelection(PixelStore Store, int[] Rows)
{
    /// <summary>Some of the rows, evenly from all parts.</summary>
    /// <param name="count">How many; all where there are fewer.</param>
    public RowSelection Spread(int count) => count >= Rows.Length
        ? this
        : this with { Rows = [.. Enumerable.Range(0, count).Select(i => Rows[(int)((long)Rows.Length * i / count)])] };

    /// <summary>The number of rows of each class.</summary>
    public int[] CountByClass(int classes)
    {
        var counts = new int[classes];
        foreach (int row in Rows)
            counts[Store.Label(row)]++;
        return counts;
    }
}

/// <summary>Divides the rows of a store into those trained on and those measured on.</summary>
internal static class RowSplit
{
    /// <summary>Keeps a share of each class's rows from training.</summary>
    /// <param name="all">The rows.</param>
    /// <param name="fraction">The share, 0 to below 1. At least one row of a class is trained on.</param>
    /// <param name="seed">Which rows: a function of the seed.</param>
    public static (RowSelection Training, RowSelection Validation) ByLabel(RowSelection all, float fraction, int seed)
    {
        var random = new Random(seed);
        var validation = new HashSet<int>();
        foreach (var rowsOfClass in all.Rows.GroupBy(all.Store.Label).OrderBy(group => group.Key))
        {
            int[] rows = [.. rowsOfClass];
            random.Shuffle(rows);
            validation.UnionWith(rows.Take(Math.Min(rows.Length - 1, (int)Math.Round(fraction * rows.Length))));
        }

        return (
            all with { Rows = [.. all.Rows.Where(row => !validation.Contains(row))] },
            all with { Rows = [.. all.Rows.Where(validation.Contains)] });
    }

    /// <summary>Divides the rows of each class into folds, each of which is measured on once.</summary>
    /// <param name="all">The rows.</param>
    /// <param name="count">Number of folds, 2 or more.</param>
    /// <param name="seed">Which rows: a function of the seed.</param>
    public static IEnumerable<(RowSelection Training, RowSelection Validation)> Folds(RowSelection all, int count, int seed)
    {
        var random = new Random(seed);
        var foldOf = new Dictionary<int, int>();
        foreach (var rowsOfClass in all.Rows.GroupBy(all.Store.Label).OrderBy(group => group.Key))
        {
            int[] rows = [.. rowsOfClass];
            random.Shuffle(rows);
            foreach (int row in rows)
                foldOf[row] = foldOf.Count % count;
        }

        return Enumerable.Range(0, count).Select(fold => (
            all with { Rows = [.. all.Rows.Where(row => foldOf[row] != fold)] },
            all with { Rows = [.. all.Rows.Where(row => foldOf[row] == fold)] }));
    }

    /// <summary>The rows before they were divided.</summary>
    public static RowSelection Union(RowSelection training, RowSelection validation) => training with { Rows = [.. training.Rows.Concat(validation.Rows).Order()] };

    /// <exception cref="InvalidOperationException">There is no row, or there is one class only.</exception>
    public static void CheckClasses(RowSelection all, ClassLabels labels)
    {
        if (all.Rows.Length == 0)
            throw RowReader.NoRows();

        int[] present = [.. all.Rows.Select(all.Store.Label).Distinct()];
        if (present.Length < 2)
        {
            throw new InvalidOperationException(
                $"All {all.Rows.Length} rows have the label '{labels.Names[present[0]]}' in column '{labels.ColumnName}': a classifier needs two classes or more.");
        }
    }
}
