namespace Microsoft.ML.Sla.Training;

/// <summary>The order of an epoch in which all classes are as frequent as each other, whatever their numbers of rows.</summary>
internal static class BalancedOrder
{
    /// <summary>
    /// As many rows as there are, drawn in rounds of one of each class, in random order. A class's rows come without replacement, in
    /// random order, until they are used up, and then again; of a class of many rows only some come.
    /// </summary>
    /// <param name="rows">The rows.</param>
    /// <param name="label">The class of a row.</param>
    /// <param name="random">What is drawn from.</param>
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

    /// <summary>The rows of a class, shuffled each time that all have come.</summary>
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
