using TorchSharp.Modules;
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
    /// <param name="architecture">The backbone.</param>
    /// <param name="shape">Shape of the images.</param>
    /// <param name="heads">The heads.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="scale">What the scale of similarities to prototypes starts from; null where there are no prototypes.</param>
    public SlaNetwork(Architecture architecture, ImageShape shape, IEnumerable<HeadShape> heads, int seed, double? scale = null)
        : base(nameof(SlaNetwork))
    {
        var random = new Random(seed);
        _backbone = architecture.Create(shape, random);
        Heads = new Heads(architecture.EmbeddingSize, heads, random, scale);
        register_module(BackboneName, _backbone);
        register_module(HeadsName, Heads);
    }

    [field: ComponentName(Name = HeadsName)]
    public Heads Heads { get; }

    /// <summary>Whether a name is one that a tensor of a network can have.</summary>
    public static bool IsTensorName(string name) => IsOfBackbone(name) || name.StartsWith($"{HeadsName}.", StringComparison.Ordinal);

    /// <summary>Whether a name is one that a tensor of a backbone can have.</summary>
    public static bool IsOfBackbone(string name) => name.StartsWith($"{BackboneName}.", StringComparison.Ordinal);

    /// <summary>Embeddings of images: rows x C x H x W, of the type to compute in, to rows x D floats.</summary>
    public override Tensor forward(Tensor images)
    {
        using Tensor embeddings = _backbone.forward(images);
        return embeddings.to(ScalarType.Float32);
    }

    public nn.Module<Tensor, Tensor> Backbone => _backbone;

    /// <summary>
    /// The trainable parameters, the heads first and then the stages of the backbone from the last to the first, each with
    /// the number of groups behind it. A stage is a child of the backbone with weights, or a convolution or linear layer of a
    /// network out of an ONNX file; a normalisation belongs to the stage that it follows.
    /// </summary>
    public IEnumerable<(int StagesBehind, List<(string Name, Parameter Parameter)> Parameters)> ParametersByStage()
    {
        var stages = new List<List<(string Name, Parameter Parameter)>>();
        var children = named_parameters().Where(p => IsOfBackbone(p.name)).GroupBy(p => p.name.Split('.')[1]);
        foreach (var child in children)
        {
            if (stages.Count == 0 || (_backbone is OnnxModule graph ? graph.BeginsStage(child.Key) : child.Any(p => p.parameter.dim() > 1)))
                stages.Add([]);
            stages[^1].AddRange(child);
        }

        stages.Add([.. named_parameters().Where(p => p.name.StartsWith($"{HeadsName}.", StringComparison.Ordinal))]);
        stages.Reverse();
        return stages.Select((parameters, stagesBehind) => (stagesBehind, parameters));
    }

    public Weights GetWeights() => Weights.Of(FloatTensors());

    /// <param name="weights">Tensors under the names of this network's.</param>
    /// <param name="withHeads">Whether the heads are set too, or the backbone alone.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public void SetWeights(Weights weights, bool withHeads = true) =>
        weights.CopyTo(FloatTensors().Where(tensor => withHeads || !tensor.Name.StartsWith($"{HeadsName}.", StringComparison.Ordinal)));

    /// <summary>Parameters and running statistics; the step counters of torch's own normalisation modules, which nothing reads, are left out.</summary>
    public IEnumerable<(string Name, Tensor Value)> FloatTensors() =>
        state_dict().Where(entry => entry.Value.dtype == ScalarType.Float32).Select(entry => (entry.Key, entry.Value));
}
