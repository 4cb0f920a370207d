using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Xunit;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Embeddings of the outputs of a network's blocks, against the outputs that ONNX Runtime computes.</summary>
public sealed class OnnxBlocksTests
{
    private static readonly ImageShape Colour = new(3, BackboneFile.Side, BackboneFile.Side);

    [Fact]
    public void A_ResNet_has_the_blocks_of_its_last_two_resolutions_after_their_activations()
    {
        string[] blocks = ["/layer1/layer1.0/relu_1/Relu_output_0", "/layer1/layer1.1/relu_1/Relu_output_0", "/layer2/layer2.0/relu_1/Relu_output_0", "/layer2/layer2.1/relu_1/Relu_output_0"];
        AssertBlocks("resnet", blocks);
    }

    [Fact]
    public void The_map_that_is_pooled_last_is_an_output_too() =>
        AssertBlocks("mobilenet-v2", "/features/features.3/Add_output_0", LastMap("mobilenet-v2"));

    [Theory]
    [InlineData("vit")]
    [InlineData("densenet")]
    public void A_network_without_blocks_of_maps_has_its_last_embedding(string name) =>
        Assert.Equal(BackboneFile.Embed(Read(name, BackboneEmbedding.Last), Colour, BackboneFile.Images()), BackboneFile.Embed(Read(name), Colour, BackboneFile.Images()));

    [Theory]
    [InlineData("resnet")]
    [InlineData("resnet-folded")]
    [InlineData("mobilenet-v2")]
    [InlineData("efficientnet")]
    [InlineData("convnext")]
    public void Torch_computes_the_same_with_finite_gradients(string name)
    {
        TorchLibrary.EnsureLoaded();
        var architecture = Read(name);
        using var scope = NewDisposeScope();
        using var network = new SlaNetwork(architecture, Colour, [], seed: 1);
        network.eval();
        float[] pixels = BackboneFile.Images();
        Tensor images = tensor(pixels, [2, 3, BackboneFile.Side, BackboneFile.Side]);
        float[][] expected = BackboneFile.Embed(architecture, Colour, pixels);
        Assert.InRange(Training.LargestDifference(expected, [.. network.forward(images).data<float>().ToArray().Chunk(architecture.EmbeddingSize)]), 0, 1e-4);

        // Of black images, many channels are zero everywhere.
        network.forward(zeros_like(images)).sum().backward();
        foreach (var (_, parameter) in network.named_parameters().Where(entry => entry.parameter.grad is not null))
            Assert.True(parameter.grad!.isfinite().all().item<bool>());
    }

    [Fact]
    public void The_last_block_of_each_resolution_comes_first_and_others_while_they_fit()
    {
        var outputs = new[] { Map("a", 512, 28), Map("b", 1024, 14), Map("c", 1024, 14), Map("d", 2048, 7), Map("e", 2048, 7) };
        Assert.Equal(["b", "c", "e"], OnnxBlocks.Choose(outputs).Select(output => output.Name));
        Assert.Equal(["b", "d"], OnnxBlocks.Choose([Map("a", 4000, 14), Map("b", 4000, 14), Map("c", 100, 7), Map("d", 200, 7)]).Select(output => output.Name));
        Assert.Empty(OnnxBlocks.Choose([new BackboneOutput("tokens", [1, 50, 768], []), new BackboneOutput("vector", [1, 512, 1, 1], [])]));
    }

    [Fact]
    public void The_name_of_an_embedding_and_blocks_are_refused_together()
    {
        var options = BackboneFile.Raw;
        (options.Embedding, options.EmbeddingName) = (BackboneEmbedding.Blocks, "x");
        var error = Assert.Throws<ArgumentException>(() => Architecture.FromOnnx(BackboneFile.PathOf("resnet"), options));
        Assert.Contains("EmbeddingName", error.Message, StringComparison.Ordinal);
        options.Embedding = (BackboneEmbedding)7;
        Assert.Throws<ArgumentOutOfRangeException>(() => Architecture.FromOnnx(BackboneFile.PathOf("resnet"), options));
    }

    private static BackboneOutput Map(string name, long channels, long side) => new(name, [1, channels, side, side], []);

    private static Architecture Read(string name, BackboneEmbedding embedding = BackboneEmbedding.Blocks)
    {
        var options = BackboneFile.Raw;
        options.Embedding = embedding;
        return Architecture.FromOnnx(BackboneFile.PathOf(name), options);
    }

    private static string LastMap(string name) =>
        ModelProto.Parser.ParseFrom(File.ReadAllBytes(BackboneFile.PathOf(name))).Graph.Node.Last(node => node.OpType == "GlobalAveragePool").Input[0];

    private static void AssertBlocks(string name, params string[] blocks)
    {
        float[][] expected = Expected(name, blocks);
        float[][] actual = BackboneFile.Embed(Read(name), Colour, BackboneFile.Images());
        Assert.Equal(expected[0].Length, actual[0].Length);
        Assert.InRange(Training.LargestDifference(expected, actual), 0, 1e-4);
    }

    /// <summary>The root of the root mean squares of channels that ONNX Runtime computes of the file itself.</summary>
    private static float[][] Expected(string name, string[] blocks)
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(BackboneFile.PathOf(name)));
        model.Graph.Output.Add(blocks.Where(block => model.Graph.Output.All(output => output.Name != block)).Select(block => new ValueInfoProto { Name = block }));
        using var session = new InferenceSession(model.ToByteArray());
        using var run = new RunOptions();
        return [.. BackboneFile.Images().Chunk(Colour.Length).Select(image =>
        {
            using var value = OrtValue.CreateTensorValueFromMemory(image, [1, 3, BackboneFile.Side, BackboneFile.Side]);
            using var outputs = session.Run(run, [model.Graph.Input[0].Name], [value], blocks);
            return outputs.SelectMany(Roots).ToArray();
        })];
    }

    private static IEnumerable<float> Roots(OrtValue map)
    {
        long[] shape = map.GetTensorTypeAndShape().Shape;
        return [.. map.GetTensorDataAsSpan<float>().ToArray().Chunk((int)(shape[2] * shape[3])).Select(channel => (float)Math.Sqrt(Math.Sqrt(channel.Average(value => (double)value * value) + 1e-6)))];
    }
}
