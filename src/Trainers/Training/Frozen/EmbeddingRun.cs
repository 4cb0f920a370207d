using System.Diagnostics;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Computes the embeddings of images, with progress, and keeps them in the checkpoint folder where there is one.</summary>
internal sealed class EmbeddingRun : IDisposable
{
    /// <summary>Views that go through the network at a time.</summary>
    private const int BatchViews = 32;

    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);

    private readonly TrainerHost _host;
    private readonly IChannel _channel;
    private readonly EmbeddingExtractor _extractor;
    private readonly EmbeddingFile? _file;
    private readonly ImageShape _shape;

    /// <param name="host">The trainer's host.</param>
    /// <param name="channel">The log.</param>
    /// <param name="network">What the network is.</param>
    /// <param name="weights">The weights of its backbone.</param>
    /// <param name="folder">The checkpoint folder; null for none.</param>
    public EmbeddingRun(TrainerHost host, IChannel channel, NetworkDescription network, Weights weights, string? folder)
    {
        (_host, _channel) = (host, channel);
        _shape = network.Features.Shape;
        _extractor = new EmbeddingExtractor(network, weights, host.Threads);
        _file = folder is null ? null : new EmbeddingFile(folder, Identity(network, weights), _extractor.Views * _extractor.Size);
    }

    /// <summary>Embeds rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="draws">
    /// The forms in which each image is embedded, each a permutation of its values; null stands for the image itself.
    /// </param>
    /// <returns>The rows in the first form, then in the second, and so on.</returns>
    /// <exception cref="OperationCanceledException">The training was cancelled. What was computed is kept where there is a folder.</exception>
    public EmbeddedImages Embed(RowSelection rows, params IReadOnlyList<int[]?> draws)
    {
        int count = rows.Rows.Length, total = count * draws.Count, batch = Math.Max(1, BatchViews / _extractor.Views);
        var embedded = new EmbeddedImages(new int[total], new float[total][], _extractor.Views, _extractor.Size);
        var progress = new Progress(this, total);
        using var images = rows.Store.Open([.. Enumerable.Repeat(rows.Rows, draws.Count).SelectMany(all => all)]);
        using var loaded = new BlockingBatches(() => Load(images, draws, count, total, batch));
        foreach (var (start, size, hashes, labels, pixels) in loaded)
        {
            _host.CheckCancellation();
            labels.CopyTo(embedded.Labels, start);
            bool isKnown = ReadKnown(embedded, start, hashes);
            if (!isKnown)
                Compute(embedded, start, size, hashes, pixels);
            progress.Report(start + size, isKnown);
        }

        return embedded;
    }

    public void Dispose()
    {
        _extractor.Dispose();
        _file?.Dispose();
    }

    private bool ReadKnown(EmbeddedImages embedded, int start, UInt128[] hashes)
    {
        if (_file is null)
            return false;
        for (int i = 0; i < hashes.Length; i++)
        {
            float[] values = new float[_extractor.Views * _extractor.Size];
            if (!_file.TryRead(hashes[i], values))
                return false;
            embedded.Values[start + i] = values;
        }

        return true;
    }

    private void Compute(EmbeddedImages embedded, int start, int size, UInt128[] hashes, float[] pixels)
    {
        float[] values = _extractor.Embed(pixels, size);
        foreach (var (i, ofImage) in values.Chunk(_extractor.Views * _extractor.Size).Index())
        {
            embedded.Values[start + i] = ofImage;
            _file?.Write(hashes[i], ofImage);
        }
    }

    private IEnumerable<Batch> Load(ImageSequence images, IReadOnlyList<int[]?> draws, int count, int total, int batch)
    {
        byte[] image = new byte[_shape.Length], drawn = new byte[_shape.Length];
        for (int start = 0; start < total; start += batch)
        {
            int size = Math.Min(batch, total - start);
            var (hashes, labels, pixels) = (new UInt128[size], new int[size], new float[size * _shape.Length]);
            for (int i = 0; i < size; i++)
            {
                labels[i] = images.Next(image);
                byte[] source = image;
                if (draws[(start + i) / count] is { } permutation)
                {
                    for (int value = 0; value < drawn.Length; value++)
                        drawn[value] = image[permutation[value]];
                    source = drawn;
                }

                hashes[i] = XxHash128.HashToUInt128(source);
                for (int value = 0; value < source.Length; value++)
                    pixels[(i * source.Length) + value] = source[value];
            }

            yield return new Batch(start, size, hashes, labels, pixels);
        }
    }

    /// <summary>What embeddings depend on beside the image.</summary>
    private static UInt128 Identity(NetworkDescription network, Weights weights)
    {
        var hash = new XxHash128();
        hash.Append(Encoding.UTF8.GetBytes($"{network.Architecture.Name}|{network.Features.Shape}|{network.Transformations}|{network.Normalization}"));
        foreach (var (name, _, values) in weights)
        {
            hash.Append(Encoding.UTF8.GetBytes(name));
            hash.Append(MemoryMarshal.AsBytes(values.AsSpan()));
        }

        return hash.GetCurrentHashAsUInt128();
    }

    private readonly record struct Batch(int Start, int Size, UInt128[] Hashes, int[] Labels, float[] Pixels);

    /// <summary>Batches of which the next is loaded while one is computed.</summary>
    private sealed class BlockingBatches(Func<IEnumerable<Batch>> load) : IDisposable
    {
        private readonly IEnumerator<Batch> _source = load().GetEnumerator();
        private Task<bool>? _next;

        public IEnumerator<Batch> GetEnumerator()
        {
            _next = Task.Run(_source.MoveNext);
            while (_next.GetAwaiter().GetResult())
            {
                var batch = _source.Current;
                _next = Task.Run(_source.MoveNext);
                yield return batch;
            }
        }

        public void Dispose()
        {
            _next?.ContinueWith(task => task.Exception, TaskScheduler.Default).Wait();
            _source.Dispose();
        }
    }

    private sealed class Progress(EmbeddingRun run, int total)
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private TimeSpan _lastLog;
        private int _known;

        public void Report(int done, bool isKnown)
        {
            if (isKnown)
                _known = done;
            if (done < total && _clock.Elapsed - _lastLog < LogInterval)
                return;
            _lastLog = _clock.Elapsed;
            double perSecond = (done - _known) / Math.Max(1e-3, _clock.Elapsed.TotalSeconds);
            var left = TimeSpan.FromSeconds(perSecond > 0 ? (total - done) / perSecond : 0);
            TrainerHost.Info(run._channel, string.Create(CultureInfo.InvariantCulture,
                $"{done} of {total} images of {run._extractor.Views} views embedded, {perSecond:F1} images/s, {left:hh\\:mm\\:ss} left"));
        }
    }
}
