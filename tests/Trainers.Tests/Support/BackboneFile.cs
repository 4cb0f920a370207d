using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The small networks of Vectors/make_backbones.py, files like them that say something else, and what a network makes of images.</summary>
internal static class BackboneFile
{
    public const int Side = 32;

    /// <summary>Options under which what goes in is what the network sees.</summary>
    public static OnnxBackboneOptions Raw => new() { Normalization = new PixelNormalization([0], [1]) };

    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Vectors", $"backbone-{name}.onnx");

    /// <summary>Writes a copy of a network with a change.</summary>
    public static void Change(string name, string path, Action<ModelProto> change)
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(PathOf(name)));
        change(model);
        File.WriteAllBytes(path, model.ToByteArray());
    }

    /// <summary>Two images of the formula, 2 x 3 x side x side values.</summary>
    public static float[] Images(int side = Side) => [.. Enumerable.Range(0, 2 * 3 * side * side).Select(i => (float)VectorFile.Number(7, i))];

    /// <summary>Embeds images of normalised values: B x C x H x W to B x D.</summary>
    public static float[][] Embed(Architecture architecture, ImageShape shape, float[] images)
    {
        var (chosen, _) = architecture.Choose(shape, images: 1, gpu: false);
        var graph = new OnnxGraph("test");
        string input = graph.Input("In", OnnxType.Float, OnnxGraph.AnySize, shape.Channels, shape.Height, shape.Width);
        string output = chosen.Append(graph, shape, SlaNetwork.BackboneName, chosen.InitialWeights!, input);
        graph.Output("Out", output, OnnxType.Float, OnnxGraph.AnySize, chosen.EmbeddingSize);
        using var session = new InferenceSession(graph.ToBytes());
        using var value = OrtValue.CreateTensorValueFromMemory(images, [images.Length / shape.Length, shape.Channels, shape.Height, shape.Width]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["In"], [value], ["Out"]);
        return [.. outputs[0].GetTensorDataAsSpan<float>().ToArray().Chunk(chosen.EmbeddingSize)];
    }

    /// <summary>A node of standard attributes.</summary>
    public static NodeProto Node(string operation, string[] inputs, string output, params AttributeProto[] attributes) => new()
    {
        OpType = operation,
        Name = output,
        Input = { inputs },
        Output = { output },
        Attribute = { attributes },
    };

    public static AttributeProto Int(string name, long value) => OnnxGraph.AttributeOf(name, value);

    public static AttributeProto Ints(string name, params long[] values) => OnnxGraph.AttributeOf(name, values);
}
