using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The torch module of a network out of an ONNX file: it computes node by node. Each value is released when its last user has run.</summary>
/// <remarks>
/// Weights are registered in the order of the nodes, under the names that the saved graph has for them: as parameters those of
/// <see cref="TrainedTensors"/>, and others as buffers. As <see cref="LayerModule"/> does, it computes in the type of its input and works in
/// place where autograd allows it.
/// </remarks>
internal sealed partial class OnnxModule : nn.Module<Tensor, Tensor>
{
    /// <summary>Operators whose result no backward pass needs, and which share memory with no other value.</summary>
    private static readonly HashSet<string> MakersOfFreeResults = ["Conv", "BatchNormalization", "LayerNormalization", "Gemm", "MatMul", "Add", "Sub", OnnxFusion.LayerNorm];

    private readonly string _network;
    private readonly BackboneGraphData _data;
    private readonly List<Step> _steps = [];
    private readonly Dictionary<string, string> _weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _integers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _uses;
    private readonly HashSet<string> _overwritable;
    private readonly HashSet<string> _layers;

    /// <param name="network">What the network is called.</param>
    /// <param name="data">Its graph.</param>
    /// <param name="weights">Its weights; null for zeros, where they are set later.</param>
    /// <exception cref="InvalidOperationException">Torch training has no form of a node; the message names it.</exception>
    public OnnxModule(string network, BackboneGraphData data, Weights? weights)
        : base(nameof(OnnxModule))
    {
        (_network, _data) = (network, data);
        foreach (var node in new OnnxFusion(data.Graph).Nodes())
            AddSteps(node);
        _uses = _steps.SelectMany(step => step.Node.Input).Concat([data.Input, data.Embedding])
            .GroupBy(value => value, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
        _overwritable = [.. _steps.Where(step => MakersOfFreeResults.Contains(step.Node.OpType) && _uses.GetValueOrDefault(step.Output) == 1).Select(step => step.Output)];
        _layers = [.. TrainedTensors.OfLayers(data.Graph).Select(BackboneGraphData.ParameterName)];
        Register(weights);
    }

    /// <summary>Computes a value from the operands of its node.</summary>
    private delegate Tensor Operation(Operands operands);

    /// <summary>Whether a parameter is the weight of a convolution or linear layer, which begins a stage.</summary>
    public bool BeginsStage(string parameter) => _layers.Contains(parameter);

    public override Tensor forward(Tensor images) => Compute(images, Run);

    /// <summary>Computes an embedding, to see before a training that each node can be computed.</summary>
    /// <param name="image">Shape of the images.</param>
    /// <exception cref="InvalidOperationException">A node cannot; the message names it.</exception>
    public void Check(ImageShape image)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        eval();
        Compute(zeros(1, image.Channels, image.Height, image.Width), RunOrName);
        train();

        Tensor RunOrName(Step step, Operands operands)
        {
            try
            {
                return Run(step, operands);
            }
            catch (Exception exception) when (exception is NotSupportedException or ExternalException or ArgumentException)
            {
                throw Untrainable(step.Node, $"which torch does not compute ({exception.Message.Split('\n')[0]})");
            }
        }
    }

    private Tensor Compute(Tensor images, Func<Step, Operands, Tensor> run)
    {
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal) { [_data.Input] = images };
        var uses = new Dictionary<string, int>(_uses, StringComparer.Ordinal);
        foreach (var step in _steps)
        {
            Tensor result = run(step, new Operands(this, step.Node, values, images.dtype));
            values[step.Output] = result;
            foreach (string source in step.Node.Input)
                Release(source, result);
        }

        return values[_data.Embedding];

        void Release(string value, Tensor result)
        {
            if (--uses[value] == 0 && values.Remove(value, out var released) && !ReferenceEquals(released, result))
                released.Dispose();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (Tensor tensor in _integers.Values)
                tensor.Dispose();
        }

        base.Dispose(disposing);
    }

    private static Tensor Run(Step step, Operands operands)
    {
        using var scope = NewDisposeScope();
        Tensor result = step.Operation(operands);
        return operands.Contain(result) ? result : result.MoveToOuterDisposeScope();
    }

    /// <summary>A node with several outputs becomes a step for each.</summary>
    private void AddSteps(NodeProto node)
    {
        try
        {
            if (node.OpType == "Split")
            {
                for (int i = 0; i < node.Output.Count; i++)
                    _steps.Add(new Step(node, node.Output[i], Split(node, i)));
                return;
            }

            if (node.Output.Skip(1).Any(output => _data.Graph.Node.Any(user => user.Input.Contains(output))))
                throw new NotSupportedException("with more than one output");
            _steps.Add(new Step(node, node.Output[0], OperationOf(node)));
        }
        catch (NotSupportedException exception)
        {
            throw Untrainable(node, exception.Message);
        }
    }

    private static Operation OperationOf(NodeProto node) =>
        Window(node) ?? Weighted(node) ?? Arithmetic(node) ?? Shaping(node) ?? throw new NotSupportedException("an operator that torch training has no form of");

    private InvalidOperationException Untrainable(NodeProto node, string reason) => new(
        $"The node '{(node.Name.Length > 0 ? node.Name : node.Output[0])}' of {_network} is a {node.OpType}, {reason}, so the network cannot be trained as a whole. "
        + "Set BackboneTraining to Frozen, which works with every network.");

    /// <exception cref="NotSupportedException">A node has an attribute that is not allowed.</exception>
    private static void Allow(NodeProto node, params ReadOnlySpan<string> attributes)
    {
        foreach (var attribute in node.Attribute)
        {
            if (!attributes.Contains(attribute.Name))
                throw new NotSupportedException($"with the attribute '{attribute.Name}', which torch training has no form of");
        }
    }

    private void Register(Weights? weights)
    {
        var tensors = _data.Graph.Initializer.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var trained = TrainedTensors.Of(_data.Graph);
        foreach (var (node, name) in _data.Graph.Node.SelectMany(node => node.Input.Select(input => (node, input))))
        {
            if (tensors.Remove(name, out var tensor))
                Register(node, tensor, trained.Contains(name), weights);
        }

        // A graph that was adapted to its images may have left some behind. They are saved all the same.
        foreach (var unused in tensors.Values.Where(tensor => tensor.IsFloat()))
            Register(_data.Graph.Node[0], unused, isTrained: false, weights);
    }

    private void Register(NodeProto node, TensorProto source, bool isTrained, Weights? weights)
    {
        if (!source.IsFloat())
        {
            if (source.DataType is not ((int)OnnxType.Int32 or (int)OnnxType.Int64))
                throw Untrainable(node, $"with the tensor '{source.Name}' of ONNX type {source.DataType}");
            _integers[source.Name] = tensor(source.ReadLongs(), [.. source.Dims]).DetachFromDisposeScope();
            return;
        }

        string name = BackboneGraphData.ParameterName(source.Name);
        _weights[source.Name] = name;
        Tensor values = Values(source, weights);
        if (isTrained)
            register_parameter(name, new Parameter(values));
        else
            register_buffer(name, values);
    }

    /// <summary>The initial values; those of convolutions with the channels side by side.</summary>
    private static Tensor Values(TensorProto source, Weights? weights)
    {
        long[] shape = [.. source.Dims];
        Tensor values = weights is null ? zeros(shape) : tensor(weights[BackboneGraphData.WeightName(source.Name)].Values, shape);
        if (shape.Length != 4)
            return values;
        using (values)
            return Layout.ChannelsLast(values);
    }

    /// <summary>The computation of a value.</summary>
    private sealed record Step(NodeProto Node, string Output, Operation Operation);
}
