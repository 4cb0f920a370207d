namespace Microsoft.ML.Sla.Training;

/// <summary>The order of an epoch that shows all classes equally often, regardless of their numbers of rows.</summary>
internal static class BalancedOrder
{
    /// <summary>
    /// Draws as many rows as there are, in rounds of one row of each class in random order. It draws the rows of a class without replacement,
    /// shuffles them, and starts again when they are used up. Only some rows of a large class are drawn.
    /// </summary>
    /// <param name="rows">The rows.</param>
    /// <param name="label">The class of a row.</param>
    /// <param name="random">The source of random numbers.</param>
    public static int[] Of(IReadOnlyCollection<int> rows, Func<int, int> label, Random random)
    {
        Deck[] classes = [.. rows.GroupBy(label).OrderBy(rowsOfClass => rowsOfClass.Key).Select(rowsOfClass => new Deck([.. rowsOfClass], random))];
        var order = new int[rows.Count];
        for (int i = 0; i < order.Length; i++)
        {
            int turn = i % classes.Length;
            if (turn == 0)
                random.Shuffle(classes);
            order[i] = classes[turn].Next();
        }

        return order;
    }

    /// <summary>The rows of a class, shuffled again each time that all have been drawn.</summary>
    private sealed class Deck(int[] rows, Random random)
    {
        private int _next;

        public int Next()
        {
            if (_next == 0)
                random.Shuffle(rows);
            int row = rows[_next];
            _next = (_next + 1) % rows.Length;
            return row;
        }
    }
}
