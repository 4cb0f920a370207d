using System.Runtime.InteropServices;
using Google.Protobuf;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Attribute = Microsoft.ML.Sla.Onnx.Protobuf.AttributeProto;
using AttributeType = Microsoft.ML.Sla.Onnx.Protobuf.AttributeProto.Types.AttributeType;

namespace Microsoft.ML.Sla.Onnx;

/// <summary>Element types of ONNX tensors, numbered as in the ONNX specification.</summary>
internal enum OnnxType
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    String = 8,
}

/// <summary>Writes an ONNX model node by node; values are named by strings.</summary>
/// <remarks>Opset 17 and IR version 8: old enough for every ONNX Runtime that ML.NET 5 works with.</remarks>
internal sealed class OnnxGraph
{
    /// <summary>The size of a dimension that is known when the model runs: the number of images.</summary>
    public const int AnySize = -1;

    private const int OpsetVersion = 17;
    private const int IrVersion = 8;
    private const string MlDomain = "ai.onnx.ml";

    private readonly ModelProto _model;
    private readonly string _prefix;
    private int _lastValue;

    /// <param name="name">Name of the graph.</param>
    /// <param name="prefix">What the names of its values begin with.</param>
    public OnnxGraph(string name, string prefix = "v")
    {
        _prefix = prefix;
        _model = new ModelProto
        {
            IrVersion = IrVersion,
            ProducerName = "Microsoft.ML.Sla",
            ProducerVersion = typeof(OnnxGraph).Assembly.GetName().Version?.ToString(3) ?? "",
            Graph = new GraphProto { Name = name },
        };
        _model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = OpsetVersion });
        _model.OpsetImport.Add(new OperatorSetIdProto { Domain = MlDomain, Version = 2 });
    }

    /// <summary>Goes on with a model.</summary>
    /// <param name="model">The model, which is changed.</param>
    /// <param name="prefix">What the names of new values begin with; none of the model's does.</param>
    public OnnxGraph(ModelProto model, string prefix)
    {
        _model = model;
        _prefix = prefix;
    }

    public string Input(string name, OnnxType type, params ReadOnlySpan<long> shape)
    {
        _model.Graph.Input.Add(Value(name, type, shape));
        return name;
    }

    /// <summary>Declares the output <paramref name="name"/> as a reshaped copy of a value, for ML.NET wants rank 1 and a known size.</summary>
    public void Output(string name, string value, OnnxType type, params ReadOnlySpan<long> shape)
    {
        Add("Reshape", name, [value, Constant(shape)]);
        _model.Graph.Output.Add(Value(name, type, shape));
    }

    public string Node(string operation, ReadOnlySpan<string> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        string output = NextName();
        Add(operation, output, inputs, attributes);
        return output;
    }

    /// <summary>A node of the operation and attributes of another.</summary>
    public string Node(NodeProto like, ReadOnlySpan<string> inputs)
    {
        string output = NextName();
        Add(like.OpType, output, inputs).Attribute.AddRange(like.Attribute);
        return output;
    }

    /// <summary>Adds a node that was made elsewhere. Its values keep their names.</summary>
    public void Add(NodeProto node) => _model.Graph.Node.Add(node);

    /// <summary>Adds a constant tensor that was made elsewhere, under its name.</summary>
    public void Add(TensorProto initializer) => _model.Graph.Initializer.Add(initializer);

    /// <summary>Adds the nodes and tensors of another graph, under their names.</summary>
    public void Add(OnnxGraph other)
    {
        _model.Graph.Node.Add(other._model.Graph.Node);
        _model.Graph.Initializer.Add(other._model.Graph.Initializer);
    }

    public string Initializer(string name, ReadOnlySpan<float> data, params ReadOnlySpan<long> shape) =>
        Initializer(name, OnnxType.Float, MemoryMarshal.AsBytes(data), shape);

    public string Constant(params ReadOnlySpan<long> data) => Constant(OnnxType.Int64, data, data.Length);

    public string Floats(ReadOnlySpan<float> data, params ReadOnlySpan<long> shape) => Constant(OnnxType.Float, data, shape);

    public string Constant(float value) => Floats([value]);

    public string Indices(ReadOnlySpan<int> data) => Constant(OnnxType.Int32, data, data.Length);

    /// <summary>A tensor of any type.</summary>
    public string Constant<T>(OnnxType type, ReadOnlySpan<T> data, params ReadOnlySpan<long> shape)
        where T : unmanaged => Initializer(NextName(), type, MemoryMarshal.AsBytes(data), shape);

    /// <summary>
    /// Names the slots of an output for ML.NET's OnnxTransformer, which reads them from the <c>keys_strings</c> of a node of
    /// this name. The node itself computes nothing that anybody uses.
    /// </summary>
    public void SlotNames(string output, IReadOnlyList<string> names)
    {
        var unused = new TensorProto { Name = $"mlnet.{output}.unusedInput", DataType = (int)OnnxType.String };
        unused.Dims.Add(1);
        unused.StringData.Add(ByteString.Empty);
        _model.Graph.Initializer.Add(unused);

        var node = Add("LabelEncoder", $"mlnet.{output}.unusedOutput", [unused.Name],
            ("keys_strings", names), ("values_int64s", Enumerable.Range(0, names.Count).Select(i => (long)i).ToArray()));
        node.Name = $"mlnet.{output}.SlotNames";
        node.Domain = MlDomain;
    }

    public void Metadata(string key, string value) =>
        _model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });

    /// <summary>The model as it is now.</summary>
    public ModelProto Copy() => _model.Clone();

    public byte[] ToBytes() => _model.ToByteArray();

    /// <summary>Whether another model computes by the same nodes, on the same tensors.</summary>
    public bool Equals(ModelProto other) => _model.Graph.Equals(other.Graph) && _model.OpsetImport.Equals(other.OpsetImport);

    private string NextName() => $"{_prefix}{_lastValue++}";

    private string Initializer(string name, OnnxType type, ReadOnlySpan<byte> data, ReadOnlySpan<long> shape)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(data) };
        tensor.Dims.AddRange(shape.ToArray());
        _model.Graph.Initializer.Add(tensor);
        return name;
    }

    private NodeProto Add(string operation, string output, ReadOnlySpan<string> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var node = new NodeProto { OpType = operation, Name = $"{operation}_{output}" };
        node.Input.AddRange(inputs.ToArray());
        node.Output.Add(output);
        foreach (var (name, value) in attributes)
            node.Attribute.Add(AttributeOf(name, value));
        _model.Graph.Node.Add(node);
        return node;
    }

    /// <summary>An attribute of a node.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">An integer, a float, a string, integers or strings.</param>
    public static Attribute AttributeOf(string name, object value)
    {
        var attribute = new Attribute { Name = name };
        switch (value)
        {
            case int number:
                attribute.Type = AttributeType.Int;
                attribute.I = number;
                break;
            case long number:
                attribute.Type = AttributeType.Int;
                attribute.I = number;
                break;
            case string text:
                attribute.Type = AttributeType.String;
                attribute.S = ByteString.CopyFromUtf8(text);
                break;
            case float number:
                attribute.Type = AttributeType.Float;
                attribute.F = number;
                break;
            case long[] numbers:
                attribute.Type = AttributeType.Ints;
                attribute.Ints.AddRange(numbers);
                break;
            case IReadOnlyList<string> texts:
                attribute.Type = AttributeType.Strings;
                attribute.Strings.AddRange(texts.Select(ByteString.CopyFromUtf8));
                break;
            default:
                throw new NotSupportedException($"The attribute '{name}' has a value of type {value.GetType().Name}.");
        }

        return attribute;
    }

    private static ValueInfoProto Value(string name, OnnxType type, ReadOnlySpan<long> shape)
    {
        var dimensions = new TensorShapeProto();
        foreach (long size in shape)
            dimensions.Dim.Add(size == AnySize ? new TensorShapeProto.Types.Dimension { DimParam = "batch" } : new TensorShapeProto.Types.Dimension { DimValue = size });
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dimensions } },
        };
    }
}
