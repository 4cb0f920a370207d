using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>A backbone f and the heads on its embedding z = f(x).</summary>
internal sealed class SlaNetwork : nn.Module<Tensor, Tensor>
{
    public const string BackboneName = "backbone";
    public const string HeadsName = "heads";

    [ComponentName(Name = BackboneName)]
    private readonly nn.Module<Tensor, Tensor> _backbone;

    /// <summary>Initial weights are a function of the seed alone.</summary>
    public SlaNetwork(Layer backbone, int embeddingSize, IEnumerable<(Head Head, int Outputs)> heads, int seed)
        : base(nameof(SlaNetwork))
    {
        var random = new Random(seed);
        _backbone = LayerModule.Create(backbone, random);
        Heads = new Heads(embeddingSize, heads, random);
        register_module(BackboneName, _backbone);
        register_module(HeadsName, Heads);
    }

    [field: ComponentName(Name = HeadsName)]
    public Heads Heads { get; }

    /// <summary>Whether a name is one that a tensor of a network can have.</summary>
    public static bool IsTensorName(string name) =>
        name.StartsWith($"{BackboneName}.", StringComparison.Ordinal) || name.StartsWith($"{HeadsName}.", StringComparison.Ordinal);

    /// <summary>Embeddings of images: rows x C x H x W to rows x D.</summary>
    public override Tensor forward(Tensor images) => _backbone.forward(images);

    /// <summary>Number of values of the parameters and running statistics.</summary>
    public long WeightCount => state_dict().Values.Sum(tensor => tensor.numel());

    public Weights GetWeights()
    {
        // The scope keeps every intermediate alive: one that only a native call still uses may be collected under it.
        using var scope = NewDisposeScope();
        var weights = new Weights();
        foreach (var (name, value) in state_dict())
        {
            Tensor onCpu = value.detach().to(CPU).contiguous();
            weights[name] = (onCpu.shape, onCpu.data<float>().ToArray());
        }

        return weights;
    }

    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public void SetWeights(Weights weights)
    {
        using var noGradient = no_grad();
        foreach (var (name, target) in state_dict())
        {
            var (shape, values) = weights[name];
            if (!shape.AsSpan().SequenceEqual(target.shape))
                throw new InvalidDataException($"The tensor '{name}' is of shape [{string.Join(", ", shape)}], and the network needs [{string.Join(", ", target.shape)}].");
            using Tensor source = tensor(values, shape);
            target.copy_(source);
        }
    }
}
