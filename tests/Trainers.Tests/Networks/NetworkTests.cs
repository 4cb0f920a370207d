using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Xunit;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The architectures against PyTorch's, and their graphs against their forward passes.</summary>
public sealed class NetworkTests : TensorTest
{
    private static readonly HeadShape[] NoHeads = [];

    public static TheoryData<string, int, int, int> Exported => new()
    {
        { "CIFAR ResNet-20", 3, 32, 32 },
        { "CIFAR ResNet-8x2", 1, 17, 40 },
        { "WideResNet-16-2", 3, 32, 32 },
        { "WideResNet-10-1", 1, 33, 18 },
        { "ResNet-18", 3, 64, 64 },
        { "ResNet-18", 1, 45, 70 },
        { "ResNet-34", 3, 32, 32 },
        { "ResNet-50", 3, 40, 33 },
        { "ConvNet-4x64", 3, 84, 84 },
        { "ConvNet-4x8", 1, 16, 29 },
        { "ResNet-12x8", 3, 84, 84 },
        { "ResNet-12x2", 1, 16, 29 },
        { "own", 3, 21, 21 },
    };

    public static TheoryData<string> Reference => [.. FormulaWeights.Vectors.EnumerateObject().Select(network => network.Name).Where(name => name != "parameters")];

    [Theory]
    [MemberData(nameof(Exported))]
    public void Every_architecture_exports_and_scores_in_ONNX_Runtime_as_in_torch(string name, int channels, int height, int width)
    {
        var shape = new ImageShape(channels, height, width);
        var (architecture, _) = Named(name).Choose(shape, images: 1, gpu: false);
        using var network = new SlaNetwork(architecture, shape, NoHeads, seed: 1);
        for (int pass = 0; pass < 3; pass++)
            network.forward(rand(4, channels, height, width));
        network.eval();

        Tensor image = rand(1, channels, height, width);
        float[] expected = network.forward(image).data<float>().ToArray();
        Assert.Equal(architecture.EmbeddingSize, expected.Length);
        AssertClose(expected, Score(architecture, network.GetWeights(), image));

        // What a saved model knows of the architecture is its JSON.
        string json = System.Text.Json.JsonSerializer.Serialize(architecture);
        var again = System.Text.Json.JsonSerializer.Deserialize<Architecture>(json)!;
        Assert.Equal(architecture.Name, again.Name);
        using var copy = new SlaNetwork(again, shape, NoHeads, seed: 2);
        copy.SetWeights(network.GetWeights());
        copy.eval();
        AssertClose(expected, copy.forward(image).data<float>().ToArray());
        AssertClose(expected, Score(again, copy.GetWeights(), image));
    }

    [Theory]
    [MemberData(nameof(Reference))]
    public void Embeddings_and_sizes_are_those_of_PyTorch(string name)
    {
        var expected = FormulaWeights.Vectors.GetProperty(name);
        var architecture = Named(name);
        int side = expected.GetProperty("side").GetInt32();
        var shape = new ImageShape(3, side, side);
        using var network = new SlaNetwork(architecture, shape, NoHeads, seed: 1);
        var weights = FormulaWeights.Of(network, architecture);
        Assert.Equal(expected.GetProperty("names").EnumerateArray().Select(n => n.GetString()!), weights.Select(tensor => tensor.Name));

        var named = new Weights();
        foreach (var (ours, _) in network.FloatTensors())
            named[ours] = weights[FormulaWeights.PythonName(architecture)(ours)];
        network.SetWeights(named);
        network.eval();
        FormulaWeights.AssertEmbeddings(expected, network.forward(FormulaWeights.Images(side)));
        Assert.Equal(expected.GetProperty("parameters").GetInt64(), architecture.Cost(shape).Parameters);
    }

    [Theory]
    [InlineData("ResNet-18", 224, 11_176_512, 1.814e9)]
    [InlineData("ResNet-50", 224, 23_508_032, 4.087e9)]
    [InlineData("CIFAR ResNet-32", 32, 463_504, 68.9e6)]
    [InlineData("WideResNet-28-10", 32, 36_472_784, 5.245e9)]
    [InlineData("WideResNet-40-2", 32, 2_242_256, 0.327e9)]
    [InlineData("ResNet-12x64", 84, 12_424_320, 3.51e9)]
    public void Costs_are_those_of_the_literature(string name, int side, long parameters, double multiplyAdds)
    {
        var cost = Named(name).Cost(new ImageShape(3, side, side));
        Assert.Equal(parameters, cost.Parameters);
        Assert.Equal(1, cost.MultiplyAdds / multiplyAdds, 0.005);
    }

    [Fact]
    public void The_cost_of_layers_with_a_huge_padding_does_not_overflow()
    {
        // 28 + 2 * 1.2e9 pixels in steps of 1.2e9 are 3 pixels.
        var layers = new Layer.Sequence(
            new Layer.Step("pool", new Layer.MaxPool(Kernel: 1, Stride: 1_200_000_000, Padding: 1_200_000_000)),
            new Layer.Step("conv", new Layer.Convolution(InChannels: 1, OutChannels: 2, Kernel: 1, Stride: 1, Padding: 0)));
        Assert.Equal(new NetworkCost(2, 2 * 3 * 3), LayerCost.Of(layers, new ImageShape(1, 28, 28)));
    }

    [Theory]
    [InlineData("CIFAR ResNet-20", 24, 24)]
    [InlineData("WideResNet-16-2", 17, 40)]
    [InlineData("ResNet-50", 33, 32)]
    [InlineData("ConvNet-4x8", 16, 16)]
    [InlineData("ResNet-12x8", 16, 31)]
    [InlineData("own", 30, 30)]
    public void The_cost_that_is_known_before_is_that_of_the_network(string name, int height, int width)
    {
        var shape = new ImageShape(3, height, width);
        var (architecture, _) = Named(name).Choose(shape, images: 1, gpu: false);
        using var network = new SlaNetwork(architecture, shape, NoHeads, seed: 1);
        Assert.Equal(network.parameters().Sum(p => p.numel()), architecture.Cost(shape).Parameters);
    }

    [Theory]
    [InlineData(28, 28, 2000, false, "ConvNet-4x64")]
    [InlineData(64, 16, 9_999, false, "ConvNet-4x64")]
    [InlineData(32, 32, 50_000, false, "CIFAR ResNet-32")]
    [InlineData(32, 32, 2000, true, "WideResNet-28-2")]
    [InlineData(32, 32, 50_000, true, "WideResNet-28-10")]
    [InlineData(224, 224, 300, false, "ResNet-18")]
    [InlineData(65, 32, 50_000, false, "ResNet-18")]
    [InlineData(224, 224, 300, true, "ResNet-34")]
    [InlineData(224, 224, 50_000, true, "ResNet-50")]
    [InlineData(200, 20, 300, false, "ConvNet-4x64")]
    public void Auto_chooses_by_size_number_and_device(int width, int height, int images, bool gpu, string expected)
    {
        var shape = new ImageShape(3, height, width);
        var (chosen, reason) = Architecture.Auto.Choose(shape, images, gpu);
        Assert.Equal(expected, chosen.Name);
        Assert.Null(chosen.Objection(shape));
        Assert.Contains($"{expected}, as there are {images} images of {width} x {height} pixels", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_that_a_network_does_not_take_name_the_remedy()
    {
        var tiny = new ImageShape(3, 12, 12);
        foreach (string name in new[] { "CIFAR ResNet-20", "WideResNet-16-2", "ResNet-18", "ConvNet-4x8" })
            Assert.Contains("Set ImageWidth and ImageHeight", Named(name).Objection(tiny), StringComparison.Ordinal);
        Assert.Contains("Set ImageWidth and ImageHeight", Architecture.Auto.Objection(tiny), StringComparison.Ordinal);
        Assert.Contains("Architecture.Auto", Architecture.CifarResNet().Objection(new ImageShape(3, 224, 224)), StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Architecture.CifarResNet(18));
        Assert.Throws<ArgumentOutOfRangeException>(() => Architecture.WideResNet(20));
        Assert.Throws<ArgumentOutOfRangeException>(() => Architecture.ResNet(20));
    }

    [Fact]
    public void A_module_without_an_ONNX_form_is_named_before_training()
    {
        var shape = new ImageShape(3, 16, 16);
        var architecture = Architecture.Custom("own", 4, _ => nn.Sequential(("conv", nn.Conv2d(3, 4, 3)), ("act", nn.GELU())));
        var error = Assert.Throws<InvalidOperationException>(() => architecture.Choose(shape, 1, gpu: false));
        Assert.Contains("'own.act'", error.Message, StringComparison.Ordinal);
        Assert.Contains("GELU", error.Message, StringComparison.Ordinal);

        var dilated = Architecture.Custom("own", 4, _ => nn.Sequential(nn.Conv2d(3, 4, 3, dilation: 2)));
        Assert.Contains("Conv2d", Assert.Throws<InvalidOperationException>(() => dilated.Choose(shape, 1, gpu: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_embedding_of_another_size_is_refused_before_training()
    {
        var architecture = Architecture.Custom("own", 5, _ => nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()));
        var error = Assert.Throws<InvalidOperationException>(() => architecture.Choose(new ImageShape(3, 16, 16), 1, gpu: false));
        Assert.Contains("[1, 4]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[1, 5]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_backbone_of_ones_own_trains_repeatably_and_survives_saving()
    {
        var mlContext = new MLContext(seed: 1);
        var images = Training.Images(mlContext, classes: 2, perClass: 16);
        SlaTransformer Train()
        {
            var options = Training.Options(SlaObjective.Sla);
            options.Architecture = Named("own");
            return mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        }

        using var model = Train();
        using var again = Train();
        using var loaded = Training.SavedAndLoaded(mlContext, model);
        var scores = Training.Scores(model.Transform(images));
        Assert.Equal(scores, Training.Scores(again.Transform(images)));
        Assert.Equal(scores, Training.Scores(loaded.Transform(images)));
        using var single = loaded.WithInference(SlaInference.Single);
        Assert.NotEqual(scores, Training.Scores(single.Transform(images)));
    }

    internal static Architecture Named(string name) => name switch
    {
        "CIFAR ResNet-20" => Architecture.CifarResNet(20),
        "CIFAR ResNet-32" => Architecture.CifarResNet(),
        "CIFAR ResNet-8x2" => Architecture.CifarResNet(8, 2),
        "WideResNet-10-1" => Architecture.WideResNet(10, 1),
        "WideResNet-16-2" => Architecture.WideResNet(16, 2),
        "WideResNet-28-10" => Architecture.WideResNet(),
        "WideResNet-40-2" => Architecture.WideResNet(40, 2),
        "ResNet-18" => Architecture.ResNet(),
        "ResNet-34" => Architecture.ResNet(34),
        "ResNet-50" => Architecture.ResNet(50),
        "ConvNet-4x8" => Architecture.ConvNet(8),
        "ConvNet-4x64" => Architecture.ConvNet(),
        "ResNet-12x2" => Architecture.ResNet12(2),
        "ResNet-12x8" => Architecture.ResNet12(8),
        "ResNet-12x64" => Architecture.ResNet12(),
        _ => Architecture.Custom("own", 6, shape => nn.Sequential(
            ("stem", nn.Sequential(nn.Conv2d(shape.Channels, 8, 3, padding: 1), nn.BatchNorm2d(8), nn.ReLU())),
            ("pool", nn.MaxPool2d(2)),
            ("depthwise", nn.Conv2d(8, 8, 3, stride: 2, groups: 8, bias: false)),
            ("average", nn.AvgPool2d([2, 2], padding: [1, 1])),
            ("drop", nn.Dropout(0.2)),
            ("global", nn.AdaptiveAvgPool2d(1)),
            ("flat", nn.Flatten()),
            ("linear", nn.Linear(8, 6)))),
    };

    private static float[] Score(Architecture architecture, Weights weights, Tensor image)
    {
        var graph = new OnnxGraph("backbone");
        string input = graph.Input("image", OnnxType.Float, image.shape);
        string output = LayerGraph.Append(graph, architecture.Describe((int)image.shape[1]), SlaNetwork.BackboneName, weights, input);
        graph.Output("embedding", output, OnnxType.Float, architecture.EmbeddingSize);
        using var session = new InferenceSession(graph.ToBytes());
        var value = NamedOnnxValue.CreateFromTensor("image", new DenseTensor<float>(image.data<float>().ToArray(), [.. image.shape.Select(side => (int)side)]));
        using var results = session.Run([value]);
        return results[0].AsTensor<float>().ToArray();
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        double size = Math.Max(1, expected.Max(Math.Abs));
        Assert.InRange(expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)) / size, 0, 1e-4);
    }
}
