using System.Diagnostics;
using System.Globalization;
using System.IO.Hashing;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Computes the embeddings of images, reports the progress, and keeps the embeddings in the checkpoint folder if there is one.</summary>
internal sealed class EmbeddingRun : IDisposable
{
    /// <summary>Views that go through the network at a time.</summary>
    public const int BatchSize = 32;

    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(0.5);

    private readonly TrainerHost _host;
    private readonly IChannel _channel;
    private readonly ImageTrainerOptions _options;
    private readonly EmbeddingExtractor _extractor;
    private readonly EmbeddingFile? _file;
    private readonly int _length;
    private readonly int[]?[] _views;
    private bool _keeps = true;

    /// <param name="host">The trainer's host.</param>
    /// <param name="channel">The log.</param>
    /// <param name="network">What the network is.</param>
    /// <param name="weights">The weights of its backbone.</param>
    /// <param name="options">The trainer's options: checkpoint folder and observers.</param>
    public EmbeddingRun(TrainerHost host, IChannel channel, NetworkDescription network, Weights weights, ImageTrainerOptions options)
    {
        (_host, _channel, _options) = (host, channel, options);
        var shape = network.Features.Shape;
        _length = shape.Length;
        _views = [.. network.Transformations.Select((view, j) => j == 0 ? null : view.GetPermutation(shape))];
        _extractor = new EmbeddingExtractor(network, weights, host.Threads);
        try
        {
            _file = options.CheckpointFolder is not { } folder ? null : new EmbeddingFile(folder, _extractor.Identity, _extractor.Size);
        }
        catch
        {
            _extractor.Dispose();
            throw;
        }
    }

    /// <summary>Embeds all views of rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="draws">
    /// The forms in which each image is embedded: permutations of its values, and null for the image itself.
    /// </param>
    /// <param name="store">Receives the embeddings.</param>
    /// <param name="places">The place in the store of the rows in the first form, then in the second, and so on.</param>
    /// <param name="hasTime">Receives the number of rows that are embedded so far, and says whether there is time for another batch. Default: there is.</param>
    /// <returns>Number of the first rows that were embedded in all forms: all of them, unless the time ended.</returns>
    /// <exception cref="IOException">The embeddings go to a file, and its disk is full.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled. The checkpoint folder, if there is one, keeps what was computed.</exception>
    public int Embed(RowSelection rows, IReadOnlyList<int[]?> draws, EmbeddingStore store, int[] places, Func<int, bool>? hasTime = null)
    {
        var progress = new Progress(this, (long)places.Length * _views.Length);
        using var sequence = rows.Store.Open(rows.Rows);
        using var loaded = new ReadAhead<Batch>(() => Load(sequence, draws, places));
        int viewsOfRow = draws.Count * _views.Length, views = 0;
        foreach (var batch in loaded)
        {
            _host.CheckCancellation();
            if (hasTime?.Invoke(views / viewsOfRow) == false)
                break;
            int[] unknown = ReadKnown(store, batch);
            if (unknown.Length > 0)
                Compute(store, batch, unknown);
            progress.Report(batch.Places.Count, batch.Places.Count - unknown.Length);
            views += batch.Places.Count;
        }

        return views / viewsOfRow;
    }

    /// <summary>Number of views that went through the network.</summary>
    public long Computed => _extractor.Images;

    public void Dispose()
    {
        _extractor.Dispose();
        _file?.Dispose();
    }

    /// <summary>Reads what the file has of a batch.</summary>
    /// <returns>The views of the batch that it does not have.</returns>
    private int[] ReadKnown(EmbeddingStore store, Batch batch)
    {
        float[] embedding = new float[_extractor.Size];
        var unknown = new List<int>();
        for (int i = 0; i < batch.Places.Count; i++)
        {
            if (_file?.TryRead(batch.Hashes[i], embedding) == true)
                store.Write(batch.Places[i].Image, batch.Places[i].View, embedding);
            else
                unknown.Add(i);
        }

        return [.. unknown];
    }

    private void Compute(EmbeddingStore store, Batch batch, int[] unknown)
    {
        for (int i = 0; i < unknown.Length; i++)
            batch.Pixels.AsSpan(unknown[i] * _length, _length).CopyTo(batch.Pixels.AsSpan(i * _length));
        float[] values = _extractor.Embed(batch.Pixels, unknown.Length);
        for (int i = 0; i < unknown.Length; i++)
        {
            var embedding = values.AsSpan(i * _extractor.Size, _extractor.Size);
            store.Write(batch.Places[unknown[i]].Image, batch.Places[unknown[i]].View, embedding);
            Keep(batch.Hashes[unknown[i]], embedding);
        }
    }

    /// <summary>Writes an embedding to the file. Only warns of a failure, because the training does not need the file.</summary>
    private void Keep(UInt128 hash, ReadOnlySpan<float> embedding)
    {
        if (_file is null || !_keeps)
            return;
        try
        {
            _file.Write(hash, embedding);
        }
        catch (IOException exception)
        {
            _keeps = false;
            TrainerHost.Warn(_channel, $"The embeddings are no longer kept in '{_file.Path}', and a resumed training computes them again: {exception.Message}");
        }
    }

    /// <summary>All views of all forms of all images, image by image, so that each image is read once.</summary>
    private IEnumerable<Batch> Load(ImageSequence sequence, IReadOnlyList<int[]?> draws, int[] places)
    {
        int images = places.Length / draws.Count;
        byte[] image = new byte[_length];
        var batch = new Batch(_length);
        for (int i = 0; i < images; i++)
        {
            sequence.Next(image);
            for (int draw = 0; draw < draws.Count; draw++)
            {
                for (int view = 0; view < _views.Length; view++)
                {
                    batch.Add(new Place(places[(draw * images) + i], view), Permuted(Permuted(image, draws[draw]), _views[view]));
                    if (batch.Places.Count < BatchSize)
                        continue;
                    yield return batch;
                    batch = new Batch(_length);
                }
            }
        }

        if (batch.Places.Count > 0)
            yield return batch;
    }

    private static byte[] Permuted(byte[] values, int[]? permutation) =>
        permutation is null ? values : Array.ConvertAll(permutation, source => values[source]);

    /// <summary>The place of an embedding in the store.</summary>
    private readonly record struct Place(int Image, int View);

    private sealed class Batch(int length)
    {
        public List<Place> Places { get; } = [];

        public List<UInt128> Hashes { get; } = [];

        public float[] Pixels { get; } = new float[BatchSize * length];

        public void Add(Place place, byte[] values)
        {
            var pixels = Pixels.AsSpan(Places.Count * length, length);
            for (int i = 0; i < length; i++)
                pixels[i] = values[i];
            Places.Add(place);
            Hashes.Add(XxHash128.HashToUInt128(values));
        }
    }

    private sealed class Progress(EmbeddingRun run, long total)
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private TimeSpan _lastLog;
        private TimeSpan _lastReport;
        private long _done;
        private long _known;

        public void Report(int views, int known)
        {
            _done += views;
            _known += known;
            var elapsed = _clock.Elapsed;
            if (_done < total && elapsed - _lastReport < ReportInterval)
                return;
            _lastReport = elapsed;
            double perSecond = (_done - _known) / Math.Max(1e-3, elapsed.TotalSeconds);
            var progress = new EmbeddingProgress
            {
                Views = _done,
                Total = total,
                ViewsPerSecond = perSecond,
                Remaining = TimeSpan.FromSeconds(perSecond > 0 ? (total - _done) / perSecond : 0),
            };
            run._options.Notify(observer => observer.OnEmbedding(progress));
            if (_done < total && elapsed - _lastLog < LogInterval)
                return;
            _lastLog = elapsed;
            TrainerHost.Info(run._channel, string.Create(CultureInfo.InvariantCulture,
                $"{_done} of {total} views embedded, {perSecond:F1} views/s, {progress.Remaining:hh\\:mm\\:ss} left"));
        }
    }
}
