using Microsoft.ML.Sla.Tensors;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>Draws episodes from images of classes.</summary>
internal sealed class EpisodeDraw
{
    private readonly EpisodeShape _shape;
    private readonly int[][] _rowsOfClasses;
    private readonly int _waysPerClass;

    /// <param name="shape">The size of an episode.</param>
    /// <param name="rows">The images, and the class of each. They must be enough (<see cref="EpisodeShape.Check"/>).</param>
    /// <param name="waysPerClass">How many ways of an episode one class can give: M where each view of a class is a class of its own.</param>
    public EpisodeDraw(EpisodeShape shape, IEnumerable<(int Row, int Label)> rows, int waysPerClass = 1)
    {
        _shape = shape;
        _rowsOfClasses = [.. rows.GroupBy(row => row.Label, row => row.Row).OrderBy(rowsOfClass => rowsOfClass.Key).Select(rowsOfClass => rowsOfClass.ToArray())];
        _waysPerClass = waysPerClass;
    }

    /// <summary>The rows of an episode, way by way, those of the support first. Those of a way differ from each other.</summary>
    public int[] Next(Random random)
    {
        var rows = new int[_shape.Images];
        long[] candidates = random.Permutation(_rowsOfClasses.Length * _waysPerClass);
        for (int way = 0; way < _shape.Ways; way++)
        {
            int[] rowsOfClass = [.. _rowsOfClasses[candidates[way] / _waysPerClass]];
            random.Shuffle(rowsOfClass);
            rowsOfClass.AsSpan(0, _shape.ImagesPerWay).CopyTo(rows.AsSpan(way * _shape.ImagesPerWay));
        }

        return rows;
    }
}
