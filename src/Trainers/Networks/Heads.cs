using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The linear classifiers on the embedding (METHOD, notation).</summary>
internal enum Head
{
    /// <summary>u: one output for each joint label, N * M.</summary>
    Joint,

    /// <summary>v: one output for each class, N.</summary>
    Class,
}

/// <summary>The heads of one network, D inputs each.</summary>
internal sealed class Heads : nn.Module
{
    private readonly Dictionary<Head, (Parameter Weight, Parameter Bias)> _layers = [];

    public Heads(int embeddingSize, IEnumerable<(Head Head, int Outputs)> heads, Random random)
        : base(nameof(Heads))
    {
        foreach (var (head, outputs) in heads)
        {
            var layer = (
                Initialization.LinearUniform(random, embeddingSize, outputs, embeddingSize),
                Initialization.LinearUniform(random, embeddingSize, outputs));
            _layers.Add(head, layer);
            register_parameter(WeightName(head), layer.Item1);
            register_parameter(BiasName(head), layer.Item2);
        }
    }

    /// <summary>Logits of a head: rows x D to rows x outputs.</summary>
    public Tensor Logits(Head head, Tensor embeddings)
    {
        var (weight, bias) = _layers[head];
        return nn.functional.linear(embeddings, weight, bias);
    }

    public static string WeightName(Head head) => head switch
    {
        Head.Joint => "joint_head_weight",
        _ => "class_head_weight",
    };

    public static string BiasName(Head head) => head switch
    {
        Head.Joint => "joint_head_bias",
        _ => "class_head_bias",
    };
}
