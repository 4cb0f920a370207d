using Microsoft.ML.Sla.Tensors;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>Draws episodes from images of classes.</summary>
internal sealed class EpisodeDraw
{
    private readonly EpisodeShape _shape;
    private readonly int[][] _rowsOfClasses;
    private readonly int _waysPerClass;

    /// <param name="shape">The size of an episode.</param>
    /// <param name="rows">The images, and the class of each. There must be enough of them (<see cref="EpisodeShape.Check"/>).</param>
    /// <param name="waysPerClass">The most ways that one class can give to an episode: M if each view of a class is a separate way, else 1.</param>
    public EpisodeDraw(EpisodeShape shape, IEnumerable<(int Row, int Label)> rows, int waysPerClass = 1)
    {
        _shape = shape;
        _rowsOfClasses = [.. rows.GroupBy(row => row.Label, row => row.Row).OrderBy(rowsOfClass => rowsOfClass.Key).Select(rowsOfClass => rowsOfClass.ToArray())];
        _waysPerClass = waysPerClass;
    }

    /// <summary>Draws the rows of an episode, way by way, with the support rows of a way first. A way has no row twice.</summary>
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
