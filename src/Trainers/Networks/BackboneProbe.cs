using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The embedding of a random image by a file's own graph. The graph that the library makes of the file must agree with it.</summary>
/// <param name="Side">Width and height of the image.</param>
/// <param name="Shape">Shape of the embedding of one image.</param>
/// <param name="Values">The embedding.</param>
internal sealed record BackboneProbe(int Side, long[] Shape, float[] Values)
{
    private const int Channels = 3;
    private const double Tolerance = 1e-3;

    /// <summary>Runs the network of a file on the image.</summary>
    /// <param name="model">The file.</param>
    /// <param name="input">Name of its input.</param>
    /// <param name="values">Names of the values to compute.</param>
    /// <param name="side">Width and height.</param>
    /// <param name="isChannelsLast">Whether channels are the last dimension.</param>
    /// <param name="isBlueFirst">Whether the network takes blue, green and red.</param>
    /// <exception cref="InvalidDataException">ONNX Runtime does not run the network.</exception>
    public static IReadOnlyList<BackboneOutput> Run(
        ModelProto model, string input, IReadOnlyList<string> values, int side, bool isChannelsLast, bool isBlueFirst)
    {
        var probed = model.Clone();
        foreach (string value in values.Where(value => probed.Graph.Output.All(output => output.Name != value)))
            probed.Graph.Output.Add(new ValueInfoProto { Name = value });
        long[] shape = isChannelsLast ? [1, side, side, Channels] : [1, Channels, side, side];
        float[] image = Image(side, side, number: 0);
        int pixels = side * side;
        if (isBlueFirst)
            image = [.. image[(2 * pixels)..], .. image[pixels..(2 * pixels)], .. image[..pixels]];
        return Run(probed.ToByteArray(), input, values, isChannelsLast ? ChannelsLast(image, side) : image, shape);
    }

    /// <summary>The probe with a value of the network as the embedding.</summary>
    /// <exception cref="InvalidDataException">The value has no batch of one.</exception>
    public static BackboneProbe Of(BackboneOutput output, int side) => output.Shape is [1, ..]
        ? new BackboneProbe(side, output.Shape, output.Values)
        : throw new InvalidDataException($"its value '{output.Name}' is of shape [{string.Join(", ", output.Shape)}] for one image.");

    /// <summary>Runs a graph on two images. At the side of the probe, the first is the image of the probe.</summary>
    /// <returns>The embeddings, 2 x D.</returns>
    /// <exception cref="InvalidDataException">ONNX Runtime does not run the graph, or not for two images.</exception>
    public static (float[] Values, long[] Shape) OfTwo(BackboneGraphData data, Weights weights, int height, int width)
    {
        const string Input = "Images", Output = "Embeddings";
        var graph = new OnnxGraph("backbone");
        string images = graph.Input(Input, OnnxType.Float, OnnxGraph.AnySize, Channels, height, width);
        string embedding = data.Append(graph, weights, images);
        graph.Output(Output, embedding, OnnxType.Float, OnnxGraph.AnySize, weights[BackboneGraphData.WeightName(OnnxNetwork.ScaleName)].Values.Length);
        var made = Run(graph.ToBytes(), Input, [Output], [.. Image(height, width, 0), .. Image(height, width, 1)], [2, Channels, height, width])[0];
        return (made.Values, made.Shape);
    }

    /// <summary>Whether values equal the probe's means over positions or tokens, except for rounding.</summary>
    public bool AgreesOnMean(ReadOnlySpan<float> values)
    {
        double[] means = Means(values.Length);
        double largest = means.Max(Math.Abs), difference = 0;
        for (int i = 0; i < values.Length; i++)
            difference = Math.Max(difference, Math.Abs(values[i] - means[i]));
        return difference <= Tolerance * Math.Max(largest, 1e-6);
    }

    /// <summary>The means of B x D x H x W values over positions, of B x T x D values over tokens, or the values of a vector.</summary>
    private double[] Means(int size)
    {
        double[] means = new double[size];
        int positions = Values.Length / size;
        for (int i = 0; i < Values.Length; i++)
            means[Shape.Length == 3 ? i % size : i / positions] += Values[i] / (double)positions;
        return means;
    }

    private static IReadOnlyList<BackboneOutput> Run(byte[] model, string input, IReadOnlyList<string> values, float[] image, long[] shape)
    {
        try
        {
            // For one run, thorough optimisation takes longer than it saves.
            using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC };
            using var session = new InferenceSession(model, options);
            using var value = OrtValue.CreateTensorValueFromMemory(image, shape);
            using var run = new RunOptions();
            using var outputs = session.Run(run, [input], [value], values);
            return [.. values.Zip(outputs, (name, output) => new BackboneOutput(name, output.GetTensorTypeAndShape().Shape, output.GetTensorDataAsSpan<float>().ToArray()))];
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InvalidDataException($"ONNX Runtime does not run it on {shape[0]} images of {shape[^1]} pixels: {exception.Message}", exception);
        }
    }

    private static float[] Image(int height, int width, int number)
    {
        var random = new Random(number);
        return [.. Enumerable.Range(0, Channels * height * width).Select(_ => random.NextSingle())];
    }

    private static float[] ChannelsLast(float[] image, int side)
    {
        int pixels = side * side;
        return [.. Enumerable.Range(0, image.Length).Select(i => image[(i % Channels * pixels) + (i / Channels)])];
    }
}
