using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The linear classifiers on the embedding (METHOD, notation).</summary>
internal enum Head
{
    /// <summary>u: one output for each joint label, N * M.</summary>
    Joint,

    /// <summary>v: one output for each class, N.</summary>
    Class,

    /// <summary>w: one output for each transformation, M.</summary>
    Transformation,
}

/// <summary>The heads of one network, D inputs each.</summary>
internal sealed class Heads : nn.Module
{
    public Heads(int embeddingSize, IEnumerable<(Head Head, int Outputs)> heads, Random random)
        : base(nameof(Heads))
    {
        foreach (var (head, outputs) in heads)
        {
            register_parameter(WeightName(head), Initialization.LinearUniform(random, embeddingSize, outputs, embeddingSize));
            register_parameter(BiasName(head), Initialization.LinearUniform(random, embeddingSize, outputs));
        }
    }

    /// <summary>Logits of a head: rows x D to rows x outputs.</summary>
    public Tensor Logits(Head head, Tensor embeddings) =>
        nn.functional.linear(embeddings, get_parameter(WeightName(head))!, get_parameter(BiasName(head)));

    public static string WeightName(Head head) => $"{Name(head)}_head_weight";

    public static string BiasName(Head head) => $"{Name(head)}_head_bias";

    private static string Name(Head head) => head switch
    {
        Head.Joint => "joint",
        Head.Class => "class",
        _ => "transformation",
    };
}
