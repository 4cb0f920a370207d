using Microsoft.ML.OnnxRuntime;

namespace Microsoft.ML.Sla.Speed;

/// <summary>The least program that embeds images with ONNX Runtime: batches that are ready, one after another.</summary>
internal sealed class BareSession : IDisposable
{
    private readonly SessionOptions _options;
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly long[] _shape;
    private readonly int _length;

    /// <param name="graph">The graph.</param>
    /// <param name="batchSize">Images at a time.</param>
    /// <param name="threads">Number of threads.</param>
    public BareSession(byte[] graph, int batchSize, int threads)
    {
        _options = new SessionOptions { IntraOpNumThreads = threads };
        _session = new InferenceSession(graph, _options);
        _shape = [batchSize, .. _session.InputMetadata[_session.InputNames[0]].Dimensions.Skip(1).Select(side => (long)side)];
        _length = (int)_shape.Aggregate(1L, (product, side) => product * side);
    }

    /// <summary>Embeds images.</summary>
    /// <param name="images">The pixels of images, an array for as many images as make whole batches.</param>
    public void Embed(IEnumerable<float[]> images)
    {
        foreach (float[] pixels in images)
        {
            for (int start = 0; start < pixels.Length; start += _length)
            {
                using var input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, pixels.AsMemory(start, _length), _shape);
                using var outputs = _session.Run(_run, [_session.InputNames[0]], [input], [_session.OutputNames[0]]);
            }
        }
    }

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
        _options.Dispose();
    }
}
