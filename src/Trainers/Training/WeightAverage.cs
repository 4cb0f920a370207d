using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>The exponential moving average of a network's parameters and running statistics (Polyak and Juditsky 1992).</summary>
internal sealed class WeightAverage : IDisposable
{
    private readonly SlaNetwork _network;
    private readonly double _decay;
    private readonly Dictionary<string, Tensor> _averages = [];

    /// <summary>Starts from the network's weights.</summary>
    /// <param name="network">The network, on its device.</param>
    /// <param name="decay">Weight of the average so far, 0 to below 1. It is lower in the first steps, when there is little to average.</param>
    public WeightAverage(SlaNetwork network, double decay)
    {
        _network = network;
        _decay = decay;
        foreach (var (name, value) in network.FloatTensors())
            _averages[name] = value.detach().clone().DetachFromDisposeScope();
    }

    /// <summary>Adds the network's weights to the average.</summary>
    /// <param name="step">Steps done, 1 for the first.</param>
    public void Update(long step)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using Tensor share = tensor((float)(1 - Math.Min(_decay, (1.0 + step) / (10 + step))), device: _averages.Values.First().device);
        foreach (var (name, value) in _network.FloatTensors())
            _averages[name].lerp_(value.detach(), share);
    }

    /// <summary>Exchanges the averages with the network's weights. A second call restores both.</summary>
    public void Swap()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (name, value) in _network.FloatTensors())
        {
            Tensor weights = value.detach().clone();
            value.copy_(_averages[name]);
            _averages[name].copy_(weights);
        }
    }

    public void Dispose()
    {
        foreach (Tensor average in _averages.Values)
            average.Dispose();
    }
}
