using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;
using Xunit;
using static Microsoft.ML.Sla.Networks.Layer;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Networks out of ONNX files in torch.</summary>
public sealed class OnnxModuleTests
{
    private const int Side = 32;

    private static readonly ImageShape Images = new(3, Side, Side);
    private static readonly HeadShape[] NoHeads = [];

    public OnnxModuleTests() => TorchLibrary.EnsureLoaded();

    public static TheoryData<string> Files => [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Vectors"), "backbone-*.onnx").Select(path => Path.GetFileName(path)).Order()];

    [Theory]
    [MemberData(nameof(Files))]
    public void Embeddings_are_those_of_PyTorch_and_ONNX_Runtime(string file)
    {
        var architecture = Read(file);
        using var scope = NewDisposeScope();
        using var network = new SlaNetwork(architecture, Images, NoHeads, seed: 1);
        network.eval();
        Tensor images = FormulaWeights.Images(Side), embeddings = network.forward(images);

        string name = file["backbone-".Length..^".onnx".Length];
        VectorFile.AssertClose(VectorFile.Read("backbones.json").GetProperty("embeddings").GetProperty(name), embeddings, 1e-4);
        float[] ofOnnx = Run(architecture, network.GetWeights(), images);
        Assert.InRange(Training.LargestDifference([ofOnnx], [embeddings.data<float>().ToArray()]), 0, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Weights_are_all_tensors_of_the_graph_and_can_be_set_after_loading(string file)
    {
        var architecture = Read(file);
        using var scope = NewDisposeScope();
        using var network = new SlaNetwork(architecture, Images, NoHeads, seed: 1);
        var weights = network.GetWeights();
        var shapes = architecture.TensorShapes(Images, SlaNetwork.BackboneName, views: 1);
        Assert.Equal(shapes.Keys.Order(StringComparer.Ordinal), weights.Select(tensor => tensor.Name));
        weights.Check(shapes);

        using var loaded = new SlaNetwork(Loaded(architecture), Images, NoHeads, seed: 2);
        loaded.SetWeights(weights);
        network.eval();
        loaded.eval();
        Tensor images = FormulaWeights.Images(Side);
        Assert.Equal(network.forward(images).data<float>().ToArray(), loaded.forward(images).data<float>().ToArray());
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Each_trained_weight_gets_a_gradient_and_no_tensor_is_left(string file)
    {
        using var network = new SlaNetwork(Read(file), Images, NoHeads, seed: 1);
        using Tensor images = FormulaWeights.Images(Side);
        Backward();
        long before = LiveTensors.Count();
        Backward();
        Assert.Equal(before, Tensor.TotalCount);
        Assert.DoesNotContain(network.named_parameters(), parameter => parameter.parameter.grad is null);

        void Backward()
        {
            network.zero_grad();
            using Tensor embeddings = network.forward(images);
            using Tensor loss = embeddings.mean();
            loss.backward();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Forward_and_gradients_are_those_of_the_layers(bool training)
    {
        var layers = new Sequence(
            ("conv1", new Convolution(3, 4, Kernel: 7, Stride: 2, Padding: 3)),
            ("bn1", new BatchNorm(4)),
            ("relu", new Relu()),
            ("maxpool", new MaxPool(Kernel: 3, Stride: 2, Padding: 1)),
            ("layer1", new Residual(Blocks.Basic(4, 4, 1), Shortcut: null)),
            ("layer2", new Residual(Blocks.Basic(4, 6, 2), new Sequence(("0", Blocks.Conv1x1(4, 6, 2)), ("1", new BatchNorm(6))))),
            ("conv2", new Convolution(6, 6, Kernel: 3, Stride: 1, Padding: 1, Groups: 2, Bias: true)),
            ("leaky", new Relu(NegativeSlope: 0.1)),
            ("wider", new Residual(Blocks.Basic(6, 8, 2), new StrideAndPad(Stride: 2, ExtraChannels: 2))),
            ("avgpool", new AveragePool(Kernel: 2, Stride: 2, Padding: 1)),
            ("flatten", new Flatten()),
            ("linear", new Linear(32, 5)));
        using var scope = NewDisposeScope();
        var expected = LayerModule.Create(layers, new Random(1));
        Tensor images = FormulaWeights.Images(Side);
        expected.forward(images);

        var weights = Weights.Of(expected.state_dict().Select(tensor => ($"net.{tensor.Key}", tensor.Value)));
        var architecture = WrittenAndRead(graph => LayerGraph.Append(graph, layers, "net", weights, "images"), outputs: 5);
        using var network = new SlaNetwork(architecture, Images, NoHeads, seed: 1);
        Assert.Equal(LayerCost.Of(layers, Images), architecture.Cost(Images));

        expected.train(training);
        network.train(training);
        Tensor wanted = expected.forward(images), made = network.forward(images);
        Assert.InRange(Training.LargestDifference([wanted.data<float>().ToArray()], [made.data<float>().ToArray()]), 0, 1e-5);
        wanted.mul(wanted.detach()).sum().backward();
        made.mul(made.detach()).sum().backward();

        var gradients = network.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter.grad!);
        foreach (var (name, parameter) in expected.named_parameters())
        {
            float[] here = gradients[BackboneGraphData.WeightName($"net.{name}")].contiguous().data<float>().ToArray(), there = parameter.grad!.contiguous().data<float>().ToArray();
            Assert.InRange(Training.LargestDifference([there], [here]), 0, 1e-5 * Math.Max(1, there.Max(Math.Abs)));
        }

        Assert.Equal(expected.named_parameters().Count(), gradients.Count);
        foreach (var (name, buffer) in expected.named_buffers())
            Assert.Equal(buffer.data<float>().ToArray(), network.get_buffer($"backbone.{BackboneGraphData.ParameterName($"net.{name}")}")!.data<float>().ToArray());
    }

    [Fact]
    public void A_convolution_or_linear_layer_is_a_stage_with_what_follows_it()
    {
        using var network = new SlaNetwork(Read("backbone-resnet.onnx"), Images, NoHeads, seed: 1);
        var stages = network.ParametersByStage().Skip(1).Reverse().Select(stage => stage.Parameters.Select(parameter => parameter.Name["backbone.".Length..]).ToArray()).ToArray();
        Assert.Equal(10, stages.Length);
        Assert.Equal(["conv1_weight", "bn1_weight", "bn1_bias"], stages[0]);
        Assert.Equal(["layer1_0_conv1_weight", "layer1_0_bn1_weight", "layer1_0_bn1_bias"], stages[1]);

        // Vectors that are multiplied, such as ConvNeXt's scales of layers, begin no stage.
        using var scaled = new SlaNetwork(Read("backbone-convnext.onnx"), Images, NoHeads, seed: 1);
        var convNeXt = scaled.ParametersByStage().Skip(1).Reverse().Select(stage => stage.Parameters.Select(parameter => parameter.Name).ToArray()).ToArray();
        Assert.Equal(6 + 6, convNeXt.Length);
        Assert.Contains(convNeXt, stage => stage.Any(name => name.EndsWith("layer_scale", StringComparison.Ordinal)));
    }

    [Fact]
    public void Statistics_numbers_and_what_standardises_are_not_trained()
    {
        using var network = new SlaNetwork(Read("backbone-convnext.onnx"), Images, NoHeads, seed: 1);
        Assert.All(network.named_buffers(), buffer => Assert.True(buffer.buffer.numel() == 1 || buffer.name.StartsWith("backbone.embedding_", StringComparison.Ordinal), buffer.name));
        using var residual = new SlaNetwork(Read("backbone-resnet.onnx"), Images, NoHeads, seed: 1);
        Assert.All(residual.named_buffers(), buffer => Assert.Matches("running_mean|running_var|embedding_", buffer.name));
        Assert.Equal(20 + 2, residual.named_buffers().Count());
    }

    [Fact]
    public void What_torch_cannot_train_is_an_error_that_names_the_node()
    {
        var (architecture, message) = Refused(new NodeProto { OpType = "Softsign", Name = "/act/Softsign" });
        Assert.Contains("'/act/Softsign' of odd is a Softsign", message, StringComparison.Ordinal);
        Assert.Contains("Set BackboneTraining to Frozen", message, StringComparison.Ordinal);
        Assert.Equal(0, architecture.Cost(Images).MultiplyAdds);

        (_, message) = Refused(Node("MaxPool", ("kernel_shape", new long[] { 2, 2 }), ("auto_pad", "ODD")));
        Assert.Contains("is a MaxPool, with the padding 'ODD'", message, StringComparison.Ordinal);
        (_, message) = Refused(Node("BatchNormalization", ("training_mode", 1L)));
        Assert.Contains("is a BatchNormalization, which was exported to train", message, StringComparison.Ordinal);

        // What only the values show is found by a first embedding.
        var unlike = WrittenAndRead(
            graph => graph.Node("Flatten", [graph.Node("Clip", ["images", graph.Node("ReduceMean", [graph.Floats([0.25f, 0.5f], 2)], ("keepdims", 0))])]), Images.Length);
        message = Assert.Throws<InvalidOperationException>(() => unlike.Create(Images, new Random(1))).Message;
        Assert.Contains("is a Clip, which torch does not compute (A number is computed", message, StringComparison.Ordinal);

        static (OnnxNetwork Network, string Message) Refused(NodeProto node)
        {
            node.Input.Add("x");
            node.Output.Add("y");
            var network = new OnnxNetwork("odd", 3, "x", "y", new BackboneGraphData(new GraphProto { Node = { node } }, "x", "y").ToBytes());
            return (network, Assert.Throws<InvalidOperationException>(() => network.Create(Images, new Random(1))).Message);
        }
    }

    [Theory]
    [InlineData("backbone-resnet.onnx")]
    [InlineData("backbone-convnext.onnx")]
    [InlineData("backbone-vit.onnx")]
    public void Bfloat16_gives_about_the_same_embeddings(string file)
    {
        using var scope = NewDisposeScope();
        using var network = new SlaNetwork(Read(file), Images, NoHeads, seed: 1);
        network.eval();
        Tensor images = FormulaWeights.Images(Side), exact = network.forward(images), rounded = network.forward(images.to(ScalarType.BFloat16));
        float[] expected = exact.data<float>().ToArray();
        Assert.InRange(Training.LargestDifference([expected], [rounded.data<float>().ToArray()]), 1e-6, 0.03 * expected.Max(Math.Abs));
    }

    [Theory]
    [InlineData("backbone-convnext.onnx", 7, 3, 0)]
    [InlineData("backbone-vit.onnx", 5, 2, 0)]
    [InlineData("backbone-efficientnet.onnx", 0, 0, 13)]
    public void Layers_that_were_written_as_several_nodes_are_found(string file, int layerNorms, int gelus, int silus)
    {
        var nodes = new OnnxFusion(GraphProto.Parser.ParseFrom(Read(file).Graph)).Nodes();
        Assert.Equal(
            (layerNorms, gelus, silus),
            (nodes.Count(node => node.OpType == OnnxFusion.LayerNorm), nodes.Count(node => node.OpType == OnnxFusion.Gelu), nodes.Count(node => node.OpType == OnnxFusion.Silu)));
        Assert.All(nodes.Where(node => node.OpType == OnnxFusion.LayerNorm), node => Assert.Equal(5, node.Input.Count));
        Assert.DoesNotContain(nodes, node => node.OpType is "Erf" or "Pow");
    }

    private static OnnxNetwork Read(string file) => (OnnxNetwork)Architecture.FromOnnx(Path.Combine(AppContext.BaseDirectory, "Vectors", file), new OnnxBackboneOptions { ImageSize = Side });

    private static OnnxNetwork Loaded(OnnxNetwork network) => new(network.Name, network.EmbeddingSize, network.Input, network.Embedding, network.Graph);

    /// <summary>A graph as a network, through a file.</summary>
    private static OnnxNetwork WrittenAndRead(Func<OnnxGraph, string> append, int outputs)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.onnx");
        var graph = new OnnxGraph("net");
        graph.Input("images", OnnxType.Float, OnnxGraph.AnySize, 3, Side, Side);
        string embedding = append(graph);
        graph.Output("embeddings", embedding, OnnxType.Float, OnnxGraph.AnySize, outputs);
        try
        {
            File.WriteAllBytes(path, graph.ToBytes());
            return (OnnxNetwork)Architecture.FromOnnx(path, new OnnxBackboneOptions { EmbeddingName = embedding });
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>What ONNX Runtime makes of images.</summary>
    private static float[] Run(Architecture architecture, Weights weights, Tensor images)
    {
        var graph = new OnnxGraph("net");
        string input = graph.Input("images", OnnxType.Float, OnnxGraph.AnySize, 3, Side, Side);
        graph.Output("embeddings", architecture.Append(graph, Images, SlaNetwork.BackboneName, weights, input), OnnxType.Float, OnnxGraph.AnySize, architecture.EmbeddingSize);
        using var session = new InferenceSession(graph.ToBytes());
        using var value = OrtValue.CreateTensorValueFromMemory(images.data<float>().ToArray(), images.shape);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["images"], [value], ["embeddings"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static NodeProto Node(string operation, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var node = new NodeProto { OpType = operation, Name = operation };
        foreach (var (name, value) in attributes)
            node.Attribute.Add(OnnxGraph.AttributeOf(name, value));
        return node;
    }
}
