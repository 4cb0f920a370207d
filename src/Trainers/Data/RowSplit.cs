namespace Microsoft.ML.Sla.Data;

/// <summary>A selection of the rows of a store, such as the training rows or the validation rows.</summary>
/// <param name="Store">The images.</param>
/// <param name="Rows">The row numbers.</param>
internal sealed record RowSelection(PixelStore Store, int[] Rows)
{
    /// <summary>The class of each row.</summary>
    public int[] Labels => Array.ConvertAll(Rows, Store.Label);

    /// <summary>A number of the rows, spread evenly over all.</summary>
    /// <param name="count">The number of rows; all rows if there are fewer.</param>
    public RowSelection Spread(int count) => count >= Rows.Length
        ? this
        : this with { Rows = [.. Enumerable.Range(0, count).Select(i => Rows[(int)((long)Rows.Length * i / count)])] };

    /// <summary>The rows in an order of which each beginning has the classes in about the same proportion as all (van der Corput 1935).</summary>
    public RowSelection Interleaved()
    {
        int[] ofClasses = [.. Rows.OrderBy(Store.Label)];
        return this with { Rows = [.. Enumerable.Range(0, Rows.Length).OrderBy(Reversed).Select(i => ofClasses[i])] };

        static uint Reversed(int number)
        {
            uint bits = 0;
            for (int bit = 0; bit < 32; bit++)
                bits |= (((uint)number >> bit) & 1) << (31 - bit);
            return bits;
        }
    }

    /// <summary>The number of rows of each class.</summary>
    public int[] CountByClass(int classes)
    {
        var counts = new int[classes];
        foreach (int row in Rows)
            counts[Store.Label(row)]++;
        return counts;
    }
}

/// <summary>Divides the rows of a store into training rows and validation rows.</summary>
internal static class RowSplit
{
    /// <summary>Takes a share of each class's rows as validation rows.</summary>
    /// <param name="all">The rows.</param>
    /// <param name="fraction">The share, 0 to below 1. At least one row of each class remains for training.</param>
    /// <param name="seed">The seed that decides which rows.</param>
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

    /// <summary>Divides the rows of each class into folds. Each fold serves as the validation rows once.</summary>
    /// <param name="all">The rows.</param>
    /// <param name="count">Number of folds, 2 or more.</param>
    /// <param name="seed">The seed that decides which rows.</param>
    public static IEnumerable<(RowSelection Training, RowSelection Validation)> Folds(RowSelection all, int count, int seed)
    {
        int[] folds = FoldNumbers(all.Labels, count, seed);
        return Enumerable.Range(0, count).Select(fold => (
            all with { Rows = [.. all.Rows.Where((_, i) => folds[i] != fold)] },
            all with { Rows = [.. all.Rows.Where((_, i) => folds[i] == fold)] }));
    }

    /// <summary>The fold of each row, counted from 0. Each class is spread over all folds.</summary>
    /// <param name="labels">The class of each row.</param>
    /// <param name="count">Number of folds, 2 or more.</param>
    /// <param name="seed">The seed decides which row is in which fold.</param>
    public static int[] FoldNumbers(IReadOnlyList<int> labels, int count, int seed)
    {
        var random = new Random(seed);
        int[] folds = new int[labels.Count];
        int next = 0;
        foreach (var ofClass in Enumerable.Range(0, labels.Count).GroupBy(row => labels[row]).OrderBy(group => group.Key))
        {
            int[] rows = [.. ofClass];
            random.Shuffle(rows);
            foreach (int row in rows)
                folds[row] = next++ % count;
        }

        return folds;
    }

    /// <summary>The rows before the division.</summary>
    public static RowSelection Union(RowSelection training, RowSelection validation) => training with { Rows = [.. training.Rows.Concat(validation.Rows).Order()] };

    /// <exception cref="InvalidOperationException">There is no row, or only one class.</exception>
    public static void CheckClasses(RowSelection all, ClassLabels labels)
    {
        if (all.Rows.Length == 0)
            throw RowReader.NoRows();

        int[] present = [.. all.Labels.Distinct()];
        if (present.Length < 2)
        {
            throw new InvalidOperationException(
                $"All {all.Rows.Length} rows have the label '{labels.Names[present[0]]}' in column '{labels.ColumnName}': a classifier needs two classes or more.");
        }
    }
}
