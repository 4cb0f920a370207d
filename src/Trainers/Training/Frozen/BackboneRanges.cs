using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Measures the ranges of values in a backbone, by which it is rounded to 8 bits.</summary>
internal static class BackboneRanges
{
    private const int Images = 64;
    private const int BatchSize = 16;

    /// <summary>Measures the ranges on some images in 32-bit floats.</summary>
    /// <param name="network">What the network is.</param>
    /// <param name="weights">The weights of its backbone.</param>
    /// <param name="rows">The training rows, some of which are taken.</param>
    /// <param name="host">The trainer's host.</param>
    /// <returns>The ranges, as <see cref="Int8Graph.WithRanges"/> gives them.</returns>
    public static float[] Measure(NetworkDescription network, Weights weights, RowSelection rows, TrainerHost host)
    {
        var graph = new Int8Graph(EmbeddingExtractor.Graph(network with { Int8Ranges = null }, weights));
        using var options = new SessionOptions { IntraOpNumThreads = host.Threads };
        using var session = new InferenceSession(graph.WithRanges(), options);
        return Int8Graph.Widest(Batches(rows.Spread(Images), network.Features.Shape.Length).Select(Run))!;

        float[] Run(float[] pixels)
        {
            host.CheckCancellation();
            using var run = new RunOptions();
            using var input = OrtValue.CreateTensorValueFromMemory(pixels, [pixels.Length / network.Features.Shape.Length, network.Features.Shape.Length]);
            using var outputs = session.Run(run, [EmbeddingExtractor.Input], [input], [Int8Graph.RangesColumn]);
            return outputs[0].GetTensorDataAsSpan<float>().ToArray();
        }
    }

    private static IEnumerable<float[]> Batches(RowSelection rows, int length)
    {
        using var sequence = rows.Store.Open(rows.Rows);
        byte[] image = new byte[length];
        for (int start = 0; start < rows.Rows.Length; start += BatchSize)
        {
            float[] pixels = new float[Math.Min(BatchSize, rows.Rows.Length - start) * length];
            for (int i = 0; i < pixels.Length; i++)
            {
                if (i % length == 0)
                    sequence.Next(image);
                pixels[i] = image[i % length];
            }

            yield return pixels;
        }
    }
}
