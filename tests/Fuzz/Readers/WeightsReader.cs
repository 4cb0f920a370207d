using Microsoft.ML.Sla.Fuzz.Seeds;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Reads pretrained weights and puts them into a network.</summary>
internal sealed class WeightsReader : IFileReader
{
    private readonly SlaNetwork _network;

    public WeightsReader()
    {
        TorchLibrary.EnsureLoaded();
        _network = new SlaNetwork(TinyTraining.Architecture, new ImageShape(3, ImageSeeds.PhotoSide, ImageSeeds.PhotoSide), heads: [], seed: 1);
    }

    public string Read(string path)
    {
        var weights = PretrainedWeights.Read(path);
        return $"{weights.Architecture}, {weights.Normalization}: {weights.LoadInto(_network)}";
    }

    public void Dispose() => _network.Dispose();
}
