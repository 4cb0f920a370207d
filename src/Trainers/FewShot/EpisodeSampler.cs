using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>Draws an episode for each step. An epoch is a fixed number of episodes, because episodes never run out of rows.</summary>
/// <param name="rows">The rows.</param>
/// <param name="shape">The size of an episode.</param>
/// <param name="waysPerClass">The most ways that one class can give to an episode.</param>
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
