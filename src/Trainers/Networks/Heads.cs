using Microsoft.ML.Sla.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The classifiers on the embedding (docs/method.md, notation).</summary>
internal enum Head
{
    /// <summary>u: one output for each joint label, N * M.</summary>
    Joint,

    /// <summary>v: one output for each class, N.</summary>
    Class,

    /// <summary>w: one output for each transformation, M.</summary>
    Transformation,
}

/// <summary>The form of a head.</summary>
/// <param name="Head">Which it is.</param>
/// <param name="Outputs">Number of its outputs.</param>
/// <param name="CosineScale">
/// For normalised heads what the cosines between embedding and weights are multiplied by, without a bias (Cao et al. 2019); null for linear
/// ones.
/// </param>
internal readonly record struct HeadShape(Head Head, int Outputs, double? CosineScale = null);

/// <summary>The heads of one network: classifiers of D inputs each, or the scale of similarities to prototypes.</summary>
internal sealed class Heads : nn.Module
{
    private const string LogScaleName = "log_scale";

    private readonly Dictionary<Head, double?> _cosineScales = [];

    public Heads(int embeddingSize, IEnumerable<HeadShape> heads, Random random, double? scale = null)
        : base(nameof(Heads))
    {
        foreach (var (head, outputs, cosineScale) in heads)
        {
            _cosineScales.Add(head, cosineScale);
            register_parameter(WeightName(head), Initialization.LinearUniform(random, embeddingSize, outputs, embeddingSize));
            if (cosineScale is null)
                register_parameter(BiasName(head), Initialization.LinearUniform(random, embeddingSize, outputs));
        }

        // Its logarithm is learnt, so that the scale stays above 0.
        if (scale is { } initial)
            register_parameter(LogScaleName, new Parameter(tensor(new[] { (float)Math.Log(initial) })));
    }

    /// <summary>The factor on similarities to prototypes, a vector of one value.</summary>
    public Tensor Scale() => get_parameter(LogScaleName)!.exp();

    /// <summary>Logits of a head: rows x D to rows x outputs.</summary>
    public Tensor Logits(Head head, Tensor embeddings)
    {
        Tensor weight = get_parameter(WeightName(head))!;
        if (_cosineScales[head] is not { } scale)
            return nn.functional.linear(embeddings, weight, get_parameter(BiasName(head)));

        using Tensor directions = nn.functional.normalize(embeddings);
        using Tensor outputs = nn.functional.normalize(weight);
        using Tensor cosines = nn.functional.linear(directions, outputs);
        return cosines.Times(scale);
    }

    /// <summary>The logits of every head.</summary>
    public IEnumerable<Tensor> Outputs(Tensor embeddings) => _cosineScales.Keys.Select(head => Logits(head, embeddings));

    public static string WeightName(Head head) => $"{Name(head)}_head_weight";

    public static string BiasName(Head head) => $"{Name(head)}_head_bias";

    private static string Name(Head head) => head switch
    {
        Head.Joint => "joint",
        Head.Class => "class",
        _ => "transformation",
    };
}
