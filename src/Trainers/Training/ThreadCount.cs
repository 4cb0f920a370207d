using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>Sets the number of torch's threads, which is one for the process, and puts it back afterwards.</summary>
internal sealed class ThreadCount : IDisposable
{
    private readonly int _before = get_num_threads();

    public ThreadCount(int threads) => set_num_threads(threads);

    public void Dispose() => set_num_threads(_before);
}
