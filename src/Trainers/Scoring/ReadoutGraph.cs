using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Onnx;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>
/// Writes the ONNX nodes from the embeddings of B images to class logits. It is the counterpart of <see cref="Objective.ClassLogits"/> and
/// <see cref="Objective.ViewProbabilities"/>.
/// </summary>
internal sealed class ReadoutGraph
{
    private readonly OnnxGraph _graph;
    private readonly TrainedModel _model;
    private readonly Readout _readout;
    private readonly string _embeddings;
    private readonly bool _allViews;
    private readonly List<HeadNodes> _heads;

    /// <param name="graph">The graph to add to.</param>
    /// <param name="model">The network.</param>
    /// <param name="readout">The source of the class logits.</param>
    /// <param name="embeddings">B*M x D, image by image, or B x D.</param>
    /// <param name="allViews">Whether the embeddings are those of all M views.</param>
    public ReadoutGraph(OnnxGraph graph, TrainedModel model, Readout readout, string embeddings, bool allViews)
    {
        _graph = graph;
        _model = model;
        _readout = readout;
        _embeddings = embeddings;
        _allViews = allViews;

        // Heads that the inference does not read stay in the model, so that it can be given another inference later.
        _heads = [.. model.Objective.Heads.Select(NodesOf)];
        foreach (var head in _heads.Where(head => head.Head != readout.Head))
            Logits(head.Head, embeddings);
    }

    /// <summary>The class logits s, B x N.</summary>
    public string ClassLogits() => (_readout.Head, _readout.AllViews) switch
    {
        (Head.Joint, true) => AggregatedJoint(),
        (Head.Joint, false) => SingleJoint(),
        (_, true) => MeanLogits(),
        _ => Logits(_readout.Head, IdentityEmbedding()),
    };

    /// <summary>
    /// How far predictions can be trusted, B x 1: the probability of the predicted class; where <see cref="Calibration.Recognition"/> is known, at most
    /// what the joint probabilities are of it.
    /// </summary>
    /// <param name="probabilities">The class probabilities, B x N.</param>
    /// <param name="predicted">The predicted class, B x 1.</param>
    /// <param name="recognition">See <see cref="Calibration.Recognition"/>.</param>
    public string Confidence(string probabilities, string predicted, float? recognition)
    {
        string probability = OfPredicted(probabilities);
        return recognition is { } usual
            ? _graph.Node("Min", [probability, _graph.Node("Mul", [OfPredicted(JointProbabilities()), _graph.Constant(1 / usual)])])
            : probability;

        string OfPredicted(string ofClasses) => _graph.Node("GatherElements", [ofClasses, predicted], ("axis", 1));
    }

    /// <summary>(1/V) sum_j p(i, j | x~_j), B x N. It is the counterpart of <see cref="Objective.JointProbabilities"/>.</summary>
    private string JointProbabilities()
    {
        string ofAll = _graph.Node("Softmax", [Logits(Head.Joint, _readout.AllViews ? _embeddings : IdentityEmbedding())], ("axis", 1));
        if (!_readout.AllViews)
            return _graph.Node("Slice", [ofAll, _graph.Constant(0), _graph.Constant(int.MaxValue), _graph.Constant(1), _graph.Constant(_model.Views)]);
        return _graph.Node("ReduceMean", [ByView(OfOwnViews(ofAll))], ("axes", new long[] { 1 }), ("keepdims", 0));
    }

    /// <summary>Softmax over the classes for each view by itself, B x M x N.</summary>
    public string ViewProbabilities()
    {
        var head = _model.Objective.ViewHead;
        string logits = Logits(head, _embeddings);
        return _graph.Node("Softmax", [ByView(head == Head.Joint ? OfOwnViews(logits) : logits)], ("axis", 2));
    }

    /// <summary>What the joint head gives for each view's own transformation: B*M x N*M to B x M*N.</summary>
    private string OfOwnViews(string joint)
    {
        string ofImages = _graph.Node("Reshape", [joint, _graph.Constant(OnnxGraph.AnySize, _model.Views * _model.Classes * _model.Views)]);
        return _graph.Node("Gather", [ofImages, _graph.Indices(ViewAggregatingEstimator.OwnViewIndices(_model.Classes, _model.Views))], ("axis", 1));
    }

    /// <summary>The mean over the views of the views' logits.</summary>
    private string MeanLogits() =>
        _graph.Node("ReduceMean", [ByView(Logits(_readout.Head, _embeddings))], ("axes", new long[] { 1 }), ("keepdims", 0));

    /// <summary>Logits of views as B x M x N.</summary>
    private string ByView(string logits) => _graph.Node("Reshape", [logits, _graph.Constant(OnnxGraph.AnySize, _model.Views, _model.Classes)]);

    /// <summary>
    /// s_i = (1/M) sum_j u_(i,j)(z~_j) as one product. The joint weights, N*M x D, are read as N x M*D. Row i then holds u_(i,1) to u_(i,M)
    /// side by side, in the order of the M embeddings of an image.
    /// </summary>
    private string AggregatedJoint()
    {
        var head = Of(Head.Joint);
        string side = _graph.Node("Reshape", [Inputs(head, _embeddings), _graph.Constant(OnnxGraph.AnySize, _model.Views * _model.Description.Architecture.EmbeddingSize)]);
        string rows = _graph.Node("Reshape", [head.Weight, _graph.Constant(_model.Classes, -1)]);
        return Product(side, rows, head.Bias is null ? null : MeanBias(head.Bias), head.Scale / _model.Views);
    }

    /// <summary>u_(i,0)(z): every M-th row of the joint head, on the untransformed image.</summary>
    private string SingleJoint()
    {
        var head = Of(Head.Joint);
        return Product(Inputs(head, IdentityEmbedding()), EveryMth(head.Weight), head.Bias is null ? null : EveryMth(head.Bias), head.Scale);
    }

    /// <summary>(1/M) sum_j of the biases of u_(i,j).</summary>
    private string MeanBias(string bias)
    {
        string biases = _graph.Node("Reshape", [bias, _graph.Constant(_model.Classes, _model.Views)]);
        return _graph.Node("ReduceMean", [biases], ("axes", new long[] { 1 }), ("keepdims", 0));
    }

    /// <summary>z of the untransformed image, B x D: the first of its views.</summary>
    private string IdentityEmbedding() => _allViews ? EveryMth(_embeddings) : _embeddings;

    private string EveryMth(string rows) =>
        _graph.Node("Slice", [rows, _graph.Constant(0), _graph.Constant(int.MaxValue), _graph.Constant(0), _graph.Constant(_model.Views)]);

    private string Logits(Head which, string embeddings)
    {
        var head = Of(which);
        return Product(Inputs(head, embeddings), head.Weight, head.Bias, head.Scale);
    }

    private HeadNodes Of(Head which) => _heads.First(head => head.Head == which);

    /// <summary>The inputs of a head: the embeddings, scaled to length 1 for a normalised head.</summary>
    private string Inputs(HeadNodes head, string embeddings) => head.IsNormalized ? Normalized(embeddings) : embeddings;

    private string Normalized(string rows) => _graph.Node("LpNormalization", [rows], ("axis", 1), ("p", 2));

    private string Product(string rows, string weight, string? bias, float factor) =>
        _graph.Node("Gemm", bias is null ? [rows, weight] : [rows, weight, bias], ("transB", 1), ("alpha", factor));

    /// <summary>Adds the trained tensors of a head. The graph normalises a normalised head, so that a training can continue from the model.</summary>
    private HeadNodes NodesOf(HeadShape shape)
    {
        string weight = Initializer(Heads.WeightName(shape.Head));
        return shape.CosineScale is { } scale
            ? new HeadNodes(shape.Head, Normalized(weight), Bias: null, (float)scale, IsNormalized: true)
            : new HeadNodes(shape.Head, weight, Initializer(Heads.BiasName(shape.Head)), Scale: 1, IsNormalized: false);
    }

    private string Initializer(string name)
    {
        string fullName = $"{SlaNetwork.HeadsName}.{name}";
        var (shape, values) = _model.Weights[fullName];
        return _graph.Initializer(fullName, values, shape);
    }

    /// <summary>A head in the graph.</summary>
    private sealed record HeadNodes(Head Head, string Weight, string? Bias, float Scale, bool IsNormalized);
}
