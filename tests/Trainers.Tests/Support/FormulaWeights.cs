using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The networks, weights and images of Vectors/make_network_vectors.py.</summary>
internal static class FormulaWeights
{
    public static readonly JsonElement Vectors = VectorFile.Read("networks.json");

    /// <summary>The name in PyTorch of each tensor of a backbone.</summary>
    public static Func<string, string> PythonName(Architecture architecture) => name => architecture switch
    {
        ConvNet => ConvNetName(name.Split('.')),
        ResNet12 => ResNet12Name(WeightNames.OfTorchvision(name)),
        WideResNet => WideResNetName(WeightNames.OfTorchvision(name)),
        _ => WeightNames.OfTorchvision(name),
    };

    /// <summary>weights() of the script, by their names in PyTorch.</summary>
    public static Weights Of(SlaNetwork network, Architecture architecture)
    {
        var shapes = network.FloatTensors().Where(tensor => tensor.Name.StartsWith("backbone.", StringComparison.Ordinal))
            .ToDictionary(tensor => PythonName(architecture)(tensor.Name), tensor => tensor.Value.shape);
        var weights = new Weights();
        foreach (var (name, index) in shapes.Keys.Order(StringComparer.Ordinal).Select((name, index) => (name, index)))
            weights[name] = (shapes[name], Values(name, shapes[name], 1000 + index));
        return weights;
    }

    /// <summary>Two images of 3 channels.</summary>
    public static Tensor Images(int side) => VectorFile.Numbers(7, 2, 3, side, side).to(ScalarType.Float32);

    /// <summary>Compares with what PyTorch made of the images.</summary>
    public static void AssertEmbeddings(JsonElement expected, Tensor embeddings)
    {
        Xunit.Assert.Equal(expected.GetProperty("norm").GetDouble(), embeddings.to(ScalarType.Float64).norm().item<double>(), 1e-4 * expected.GetProperty("norm").GetDouble());
        VectorFile.AssertClose(expected.GetProperty("embeddings"), embeddings.slice(1, 0, 16, 1), 1e-4);
    }

    private static float[] Values(string name, long[] shape, int stream)
    {
        double fanIn = shape.Skip(1).Aggregate(1L, (product, side) => product * side);
        Func<double, double> scaled = shape.Length == 4 ? value => value * Math.Sqrt(3 / fanIn)
            : name.EndsWith("running_var", StringComparison.Ordinal) ? value => 1 + (0.5 * value)
            : name.EndsWith("weight", StringComparison.Ordinal) ? value => 1 + (0.3 * value)
            : value => 0.2 * value;
        return [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, side) => product * side)).Select(i => (float)scaled(VectorFile.Number(stream, i)))];
    }

    /// <summary>backbone.layer2.bn.weight is the weight of module 5: four modules a layer.</summary>
    private static string ConvNetName(string[] parts) => $"{(4 * (parts[1][^1] - '1')) + (parts[2] == "bn" ? 1 : 0)}.{parts[3]}";

    /// <summary>Blocks are numbers that count from 0 there, and what is in a block has no names between; a shortcut is a sequence.</summary>
    private static string ResNet12Name(string name)
    {
        string[] parts = name.Split('.');
        string inside = string.Join('.', parts.Skip(2));
        return $"{parts[0][^1] - '1'}.{inside.Replace("downsample.conv", "shortcut.0", StringComparison.Ordinal).Replace("downsample.bn", "shortcut.1", StringComparison.Ordinal)}";
    }

    /// <summary>Blocks count from 0 there, and what is in a block has no names between.</summary>
    private static string WideResNetName(string name) => string.Join('.', name.Split('.')
        .Where(part => part is not ("sum" or "convolutions"))
        .Select(part => part.StartsWith("block", StringComparison.Ordinal) ? $"{int.Parse(part["block".Length..], CultureInfo.InvariantCulture) - 1}" : part)
        .Select(part => part == "downsample" ? "shortcut" : part));
}
