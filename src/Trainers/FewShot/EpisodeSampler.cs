using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>An episode for each step. So many of them are called an epoch, for there is no end of the rows.</summary>
/// <param name="rows">The rows.</param>
/// <param name="shape">The size of an episode.</param>
/// <param name="waysPerClass">How many ways of an episode one class can give.</param>
/// <param name="episodes">Number of episodes of the run.</param>
/// <param name="seed">The seed of the run.</param>
internal sealed class EpisodeSampler(RowSelection rows, EpisodeShape shape, int waysPerClass, int episodes, int seed) : Sampler(rows.Store)
{
    private const int EpisodesPerEpoch = 100;

    private readonly EpisodeDraw _draw = new(shape, rows.Rows.Select(row => (row, rows.Store.Label(row))), waysPerClass);

    public override int BatchSize => shape.Images;

    public override int StepsPerEpoch => EpisodesPerEpoch;

    public override long Steps => episodes;

    public int Epochs => (episodes + EpisodesPerEpoch - 1) / EpisodesPerEpoch;

    public override int[] Rows(int epoch)
    {
        var random = Seeds.ForEpoch(seed, epoch);
        return [.. Enumerable.Range(0, EpisodesPerEpoch).SelectMany(_ => _draw.Next(random))];
    }
}
