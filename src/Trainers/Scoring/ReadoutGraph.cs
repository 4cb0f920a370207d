using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Onnx;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>The ONNX nodes from embeddings to class logits: the counterpart of <see cref="Objective.ClassLogits"/>.</summary>
internal static class ReadoutGraph
{
    public static string ClassLogits(OnnxGraph graph, TrainedModel model, Readout readout, string embeddings)
    {
        // Heads that this inference does not read stay in the model, so that another inference can be had from it.
        foreach (var (head, _) in model.Objective.Heads.Where(h => h.Head != readout.Head))
            Logits(graph, model, head, embeddings);

        return (readout.Head, readout.AllViews) switch
        {
            (Head.Joint, true) => AggregatedJoint(graph, model, embeddings),
            (Head.Joint, false) => SingleJoint(graph, model, embeddings),
            (_, true) => graph.Node("ReduceMean", [Logits(graph, model, readout.Head, embeddings)], ("axes", new long[] { 0 })),
            _ => Logits(graph, model, readout.Head, embeddings),
        };
    }

    /// <summary>
    /// s_i = (1/M) sum_j u_(i,j)(z~_j) as one product: row i of the joint weights, N*M x D read as N x M*D, holds u_(i,1)
    /// to u_(i,M) side by side, as the M embeddings of an image do.
    /// </summary>
    private static string AggregatedJoint(OnnxGraph graph, TrainedModel model, string embeddings)
    {
        var (weight, bias) = Parameters(graph, model, Head.Joint);
        string side = graph.Node("Reshape", [embeddings, graph.Constant(1, -1)]);
        string rows = graph.Node("Reshape", [weight, graph.Constant(model.Classes, -1)]);
        string biases = graph.Node("Reshape", [bias, graph.Constant(model.Classes, model.Views)]);
        string meanBias = graph.Node("ReduceMean", [biases], ("axes", new long[] { 1 }), ("keepdims", 0));
        return graph.Node("Gemm", [side, rows, meanBias], ("transB", 1), ("alpha", 1f / model.Views));
    }

    /// <summary>u_(i,0)(z): every M-th row of the joint head, on the image as it is.</summary>
    private static string SingleJoint(OnnxGraph graph, TrainedModel model, string embeddings)
    {
        var (weight, bias) = Parameters(graph, model, Head.Joint);
        return graph.Node("Gemm", [embeddings, IdentityRows(weight), IdentityRows(bias)], ("transB", 1));

        string IdentityRows(string rows) => graph.Node(
            "Slice", [rows, graph.Constant(0), graph.Constant(int.MaxValue), graph.Constant(0), graph.Constant(model.Views)]);
    }

    private static string Logits(OnnxGraph graph, TrainedModel model, Head head, string embeddings)
    {
        var (weight, bias) = Parameters(graph, model, head);
        return graph.Node("Gemm", [embeddings, weight, bias], ("transB", 1));
    }

    private static (string Weight, string Bias) Parameters(OnnxGraph graph, TrainedModel model, Head head)
    {
        return (Initializer(Heads.WeightName(head)), Initializer(Heads.BiasName(head)));

        string Initializer(string name)
        {
            string fullName = $"{SlaNetwork.HeadsName}.{name}";
            var (shape, values) = model.Weights[fullName];
            return graph.Initializer(fullName, values, shape);
        }
    }
}
