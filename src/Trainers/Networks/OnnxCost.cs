using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>Cost of a graph: its trained weights, and multiply-adds by the shapes that ONNX Runtime finds when it embeds one image with weights of zero.</summary>
/// <param name="data">The graph.</param>
internal sealed class OnnxCost(BackboneGraphData data)
{
    private const int IrVersion = 8;
    private const string ShapePrefix = "shape of ";

    private readonly Dictionary<string, TensorProto> _weights = data.FloatTensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);

    /// <summary>The cost for an image; of parameters alone where ONNX Runtime does not run the graph on it.</summary>
    public NetworkCost Of(ImageShape image) => new(TrainedTensors.Of(data.Graph).Sum(name => Product(_weights[name].Dims)), MultiplyAdds(image));

    private long MultiplyAdds(ImageShape image)
    {
        NodeProto[] layers = [.. data.Graph.Node.Where(node => node.OpType is "Conv" or "Gemm" or "MatMul")];
        var shapes = Shapes(image, layers.SelectMany(node => new[] { node.Input[0], node.Output[0] }).Distinct(StringComparer.Ordinal));
        return layers.Sum(node => shapes.TryGetValue(node.Output[0], out long[]? made) ? Product(made) * ValuesForOne(node, shapes) : 0);
    }

    /// <summary>How many products a value of a layer's result is the sum of.</summary>
    private long ValuesForOne(NodeProto node, Dictionary<string, long[]> shapes) => node.OpType switch
    {
        "Conv" => _weights.TryGetValue(node.Input[1], out var weight) ? Product(weight.Dims) / weight.Dims[0] : 0,
        "Gemm" => shapes[node.Input[0]][node.Int("transA", 0) == 0 ? 1 : 0],
        _ => shapes[node.Input[0]][^1],
    };

    private Dictionary<string, long[]> Shapes(ImageShape image, IEnumerable<string> values)
    {
        string[] wanted = [.. values], outputs = [.. wanted.Select(value => ShapePrefix + value)];
        try
        {
            using var options = new SessionOptions
            {
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
                GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL,
            };
            using var session = new InferenceSession(WithShapes(wanted).ToByteArray(), options);
            using var input = OrtValue.CreateTensorValueFromMemory(new float[image.Length], [1, image.Channels, image.Height, image.Width]);
            using var run = new RunOptions();
            using var shapes = session.Run(run, [data.Input], [input], outputs);
            return wanted.Zip(shapes).ToDictionary(pair => pair.First, pair => pair.Second.GetTensorDataAsSpan<long>().ToArray(), StringComparer.Ordinal);
        }
        catch (OnnxRuntimeException)
        {
            return [];
        }
    }

    /// <summary>The graph with the shapes of values as its outputs. It makes its weights itself, so that it is small.</summary>
    private ModelProto WithShapes(IEnumerable<string> values)
    {
        var graph = new GraphProto { Name = "shapes" };
        graph.Input.Add(new ValueInfoProto { Name = data.Input, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)OnnxType.Float } } });
        foreach (var weight in _weights.Values)
        {
            string shape = $"sides of {weight.Name}";
            graph.Initializer.Add(OnnxTensor.Longs(shape, [.. weight.Dims]));
            graph.Node.Add(new NodeProto { OpType = "ConstantOfShape", Input = { shape }, Output = { weight.Name } });
        }

        graph.Initializer.Add(data.Graph.Initializer.Where(tensor => !tensor.IsFloat()));
        graph.Node.Add(data.Graph.Node);
        foreach (string value in values)
        {
            graph.Node.Add(new NodeProto { OpType = "Shape", Input = { value }, Output = { ShapePrefix + value } });
            graph.Output.Add(new ValueInfoProto { Name = ShapePrefix + value });
        }

        return new ModelProto { IrVersion = IrVersion, Graph = graph, OpsetImport = { new OperatorSetIdProto { Version = OnnxUpgrade.Opset } } };
    }

    private static long Product(IEnumerable<long> sides) => sides.Aggregate(1L, (product, side) => product * side);
}
