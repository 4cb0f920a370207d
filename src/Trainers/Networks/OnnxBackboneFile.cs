using System.Globalization;
using Google.Protobuf.Collections;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>Reads an ONNX file of a pretrained network, and makes the graph from images to embeddings.</summary>
internal sealed class OnnxBackboneFile
{
    private const string Kind = "an ONNX file of a network for images";
    private const long LargestFile = 2_000_000_000;
    private const int MostNodesAfterLastLayer = 16;

    /// <summary>Operators that may follow the last linear layer.</summary>
    private static readonly HashSet<string> AfterLastLayer = ["Identity", "Dropout", "Softmax", "LogSoftmax", "Sigmoid", "Flatten", "Reshape", "Squeeze", "Add"];

    private static readonly HashSet<string> ShapesOnly = ["Flatten", "Reshape", "Squeeze", "Identity", "Dropout"];

    private readonly OnnxBackboneOptions _options;
    private readonly GraphProto _graph;
    private readonly ModelProto _original;

    private OnnxBackboneFile(ModelProto model, OnnxBackboneOptions options)
    {
        _options = options;
        _original = model;
        if (model.Graph is null)
            throw new InvalidDataException("it has no graph.");
        foreach (var tensor in model.Graph.Initializer)
            tensor.ShareFloats();
        _graph = model.Graph.Clone();
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">The form of the images and the embedding.</param>
    /// <param name="name">The name of the network; null for that of the file.</param>
    /// <returns>The network with its weights.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is no ONNX file, is damaged, or holds a network that cannot be used; the message says why.</exception>
    public static OnnxNetwork Read(string path, OnnxBackboneOptions options, string? name = null)
    {
        options.Validate();
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new FileNotFoundException($"There is no ONNX file '{path}'.", path);
        if (file.Length > LargestFile)
            throw new InvalidDataException($"'{path}' is not {Kind}, or it is too large: it has {file.Length} bytes, and ONNX files have at most {LargestFile}.");
        return ParsedFile.Read(path, Kind, () =>
            new OnnxBackboneFile(ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)), options).Read(name ?? Path.GetFileNameWithoutExtension(path)));
    }

    private OnnxNetwork Read(string name)
    {
        OnnxUpgrade.CheckVersion(Opset);
        OnnxGraphCheck.Check(_graph);
        MakeConstantsInitializers();
        MakeWeightNamesUnique();
        var input = ImageInput();
        var (side, isChannelsLast) = SidesOf(input);
        string embedding = _options.EmbeddingName ?? Embedding();
        if (Maker(embedding) is null)
            throw new InvalidDataException($"no node makes the value '{embedding}', which is to be the embedding. Set EmbeddingName to one that a node makes.");
        var candidates = _options.Embedding == BackboneEmbedding.Blocks ? OnnxBlocks.Candidates(_graph, embedding) : [];
        var outputs = Run([.. candidates.Append(embedding).Distinct()]);
        var probe = BackboneProbe.Of(outputs.Single(output => output.Name == embedding), side);
        var blocks = OnnxBlocks.Choose([.. outputs.Where(output => candidates.Contains(output.Name))]);

        Prune(blocks.Count == 0 ? [embedding] : [.. blocks.Select(block => block.Name)]);
        new OnnxUpgrade(_graph, Opset).Run();
        RemoveNodesThatDoNothing(ref embedding);
        if (blocks.Count > 0)
        {
            embedding = OnnxBlocks.Append(_graph, blocks.Select(block => block.Name));
            float[] values = OnnxBlocks.EmbeddingOf(blocks);
            probe = new BackboneProbe(side, [1, values.Length], values);
        }
        else if (probe.Shape is [_, _] or [_, _, 1, 1])
        {
            PoolGlobally(embedding, pool => Run([pool])[0].Shape);
        }

        FreeBatch();
        embedding = AsVectors(embedding, probe.Shape);
        if (isChannelsLast)
            _graph.PutChannelsLast(input.Name);
        if (_options.IsBlueFirst)
            _graph.PutBlueFirst(input.Name);
        return OnnxNetwork.Of(name, new BackboneGraphData(_graph, input.Name, embedding), _options.Normalization, probe);

        IReadOnlyList<BackboneOutput> Run(IReadOnlyList<string> values) =>
            BackboneProbe.Run(_original, input.Name, values, side, isChannelsLast, _options.IsBlueFirst);
    }

    private long Opset => _original.OpsetImport.FirstOrDefault(set => set.Domain is "" or "ai.onnx")?.Version ?? 0;

    private void MakeConstantsInitializers()
    {
        foreach (var node in _graph.Node.Where(node => node.OpType == "Constant").ToList())
        {
            if (node.Attribute is not [{ T: { } value }])
                continue;
            value.Name = node.Output[0];
            _graph.Initializer.Add(value);
            _graph.Node.Remove(node);
        }
    }

    /// <summary>Renames tensors that would share a parameter name, which has letters and digits only.</summary>
    private void MakeWeightNamesUnique()
    {
        var taken = new HashSet<string>(OnnxNetwork.OwnTensors, StringComparer.Ordinal);
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var tensor in _graph.Initializer.Where(tensor => tensor.IsFloat()))
        {
            string name = tensor.Name;
            for (int number = 2; !taken.Add(BackboneGraphData.ParameterName(name)); number++)
                name = string.Create(CultureInfo.InvariantCulture, $"{tensor.Name}_{number}");
            if (name != tensor.Name)
                names[tensor.Name] = tensor.Name = name;
        }

        Rename(names);
    }

    private void Rename(Dictionary<string, string> names)
    {
        foreach (var node in _graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
                node.Input[i] = names.GetValueOrDefault(node.Input[i], node.Input[i]);
        }
    }

    private ValueInfoProto ImageInput()
    {
        var initializers = _graph.Initializer.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        var inputs = _graph.Input.Where(input => !initializers.Contains(input.Name)).ToList();
        var images = inputs.Where(input => Dimensions(input)?.Count == 4 && input.Type.TensorType.ElemType == (int)OnnxType.Float).ToList();
        return inputs.Count == 1 && images.Count == 1
            ? images[0]
            : throw new InvalidDataException(
                $"it has the inputs {string.Join(", ", inputs.Select(input => $"'{input.Name}'"))}, and a network for images has one, of floats with four dimensions.");
    }

    /// <summary>The side of the images, and whether their channels are the last dimension.</summary>
    private (int Side, bool IsChannelsLast) SidesOf(ValueInfoProto input)
    {
        long[] sides = [.. Dimensions(input)!.Select(dimension => dimension.DimValue)];
        bool isChannelsLast = sides[3] == 3 && sides[1] != 3;
        if (!isChannelsLast && sides[1] is not (0 or 3))
            throw new InvalidDataException($"its input '{input.Name}' has {sides[1]} channels, and a network for photos has 3.");
        long height = sides[isChannelsLast ? 1 : 2], width = sides[isChannelsLast ? 2 : 3];
        if (height != width || height is < 0 or > OnnxBackboneOptions.LargestSide)
        {
            throw new InvalidDataException(
                $"its input '{input.Name}' is of images of {width} x {height} pixels, and square ones of up to {OnnxBackboneOptions.LargestSide} are taken.");
        }

        return (height == 0 ? _options.ImageSize : (int)height, isChannelsLast);
    }

    /// <summary>Finds the input of the last linear layer; without a linear layer, the output.</summary>
    /// <exception cref="InvalidDataException">There are several outputs.</exception>
    private string Embedding()
    {
        if (_graph.Output.Count != 1)
            throw new InvalidDataException($"it has the outputs {string.Join(", ", _graph.Output.Select(output => $"'{output.Name}'"))}. Set EmbeddingName to the one that is the embedding.");

        string output = _graph.Output[0].Name, value = output;
        for (int steps = 0; steps < MostNodesAfterLastLayer && Maker(value) is { } node; steps++)
        {
            if (node.OpType is "Gemm" or "MatMul" && Find(node.Input[1])?.Dims.Count == 2)
                return node.Input[0];
            if (!AfterLastLayer.Contains(node.OpType) || node.Input.Where(source => Find(source) is null).ToList() is not [var before])
                break;
            value = before;
        }

        return output;
    }

    /// <summary>Removes the nodes that no value of the embedding depends on.</summary>
    private void Prune(IReadOnlyList<string> embedding)
    {
        var makers = Makers();
        var needed = new HashSet<NodeProto>();
        var open = new Stack<string>(embedding);
        while (open.TryPop(out string? value))
        {
            if (makers.TryGetValue(value, out var node) && needed.Add(node))
            {
                foreach (string source in node.Input)
                    open.Push(source);
            }
        }

        Keep(_graph.Node, needed.Contains);
        KeepUsedInitializers();
    }

    private void RemoveNodesThatDoNothing(ref string embedding)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var node in _graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
                node.Input[i] = names.GetValueOrDefault(node.Input[i], node.Input[i]);
            if (node.OpType != "Identity")
                continue;
            if (Find(node.Input[0]) is not { } tensor)
            {
                names[node.Output[0]] = node.Input[0];
                continue;
            }

            // PyTorch's exporter stores equal tensors once. Training makes them unequal, so each layer gets a copy.
            var copy = tensor.Clone();
            copy.Name = node.Output[0];
            _graph.Initializer.Add(copy);
        }

        Keep(_graph.Node, node => node.OpType != "Identity");
        KeepUsedInitializers();
        embedding = names.GetValueOrDefault(embedding, embedding);
    }

    /// <summary>Turns a last average over all positions into a global one, so that the network takes images of other sizes.</summary>
    private void PoolGlobally(string embedding, Func<string, long[]> shapeOf)
    {
        string value = embedding;
        while (Maker(value) is { } shaping && ShapesOnly.Contains(shaping.OpType))
            value = shaping.Input[0];
        if (Maker(value) is not { OpType: "AveragePool" } pool || (pool.Ints("pads") ?? []).Any(pad => pad != 0) || shapeOf(value) is not [_, _, 1, 1])
            return;
        pool.OpType = "GlobalAveragePool";
        pool.Attribute.Clear();
    }

    /// <summary>Frees shapes with a batch of one. In ONNX a 0 keeps the dimension of the input.</summary>
    private void FreeBatch()
    {
        int number = 0;
        foreach (var node in _graph.Node.Where(node => node.OpType == "Reshape"))
        {
            if (Find(node.Input[1]) is not { } shape || shape.ReadLongs() is not [1, _, ..] sides)
                continue;
            sides[0] = 0;
            string name = string.Create(CultureInfo.InvariantCulture, $"batch.{number++}");
            _graph.Initializer.Add(OnnxTensor.Longs(name, sides));
            node.Input[1] = name;
        }

        KeepUsedInitializers();
    }

    /// <summary>The embedding as B x D.</summary>
    private string AsVectors(string embedding, long[] shape)
    {
        switch (shape)
        {
            case [_, _] or [_, _, 1, 1]:
                return _graph.Append("Flatten", embedding);
            case [_, _, _, _] when _options.IsMeanOfPositions:
                return _graph.Append("Flatten", _graph.Append("GlobalAveragePool", embedding));
            case [_, _, _] when _options.IsMeanOfPositions:
                return _graph.Append("ReduceMean", embedding, OnnxGraph.AttributeOf("axes", new long[] { 1 }), OnnxGraph.AttributeOf("keepdims", 0));
            default:
                throw new InvalidDataException(
                    $"its value '{embedding}' is of shape [{string.Join(", ", shape)}] for an image, and an embedding is a vector. Set IsMeanOfPositions to average "
                    + "over positions or tokens, or EmbeddingName to another value.");
        }
    }

    private void KeepUsedInitializers()
    {
        var used = _graph.Node.SelectMany(node => node.Input).ToHashSet(StringComparer.Ordinal);
        Keep(_graph.Initializer, tensor => used.Contains(tensor.Name));
    }

    private Dictionary<string, NodeProto> Makers()
    {
        var makers = new Dictionary<string, NodeProto>(StringComparer.Ordinal);
        foreach (var node in _graph.Node)
        {
            foreach (string output in node.Output)
                makers[output] = node;
        }

        return makers;
    }

    private NodeProto? Maker(string value) => _graph.Node.FirstOrDefault(node => node.Output.Contains(value));

    private TensorProto? Find(string initializer) => _graph.Initializer.FirstOrDefault(tensor => tensor.Name == initializer);

    private static RepeatedField<TensorShapeProto.Types.Dimension>? Dimensions(ValueInfoProto input) => input.Type?.TensorType?.Shape?.Dim;

    private static void Keep<T>(RepeatedField<T> items, Func<T, bool> isKept)
    {
        T[] kept = [.. items.Where(isKept)];
        items.Clear();
        items.Add(kept);
    }
}
