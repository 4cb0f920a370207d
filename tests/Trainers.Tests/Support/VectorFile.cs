using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The numbers of Vectors/, and the inputs that they were made from.</summary>
internal static class VectorFile
{
    /// <summary>How cases of the files become values.</summary>
    public static readonly JsonSerializerOptions Json = new() { PropertyNameCaseInsensitive = true, Converters = { new JsonStringEnumConverter() } };

    public static JsonElement Read(string name) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", name))).RootElement;

    /// <summary>number() of make_vectors.py: a number of [-1, 1), a 32-bit hash of a stream and an index.</summary>
    public static double Number(int stream, int index)
    {
        uint hash = unchecked(((uint)index * 2654435761) + ((uint)stream * 40503) + 12345);
        for (int round = 0; round < 2; round++)
        {
            hash ^= hash >> 16;
            hash = unchecked(hash * 0x45D9F3B);
        }

        hash ^= hash >> 16;
        return (hash / 2147483648.0) - 1;
    }

    /// <summary>numbers() of make_vectors.py, float64.</summary>
    public static Tensor Numbers(int stream, params long[] shape)
    {
        double[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(i => Number(stream, i))];
        return tensor(values, shape);
    }

    /// <summary>parameters() of the scripts: heads with weights and biases of the formula.</summary>
    public static Heads Heads(Objective objective, int embeddingSize, ScalarType type)
    {
        string[] order =
        [
            .. new[] { Head.Joint, Head.Class, Head.Transformation }.SelectMany(head => new[] { Networks.Heads.WeightName(head), Networks.Heads.BiasName(head) }),
        ];
        var heads = new Heads(embeddingSize, objective.Heads, new Random(1));
        heads.to(type);
        using var noGradient = no_grad();
        foreach (var (name, parameter) in heads.named_parameters())
            parameter.copy_(Numbers(10 + Array.IndexOf(order, name), parameter.shape));
        return heads;
    }

    public static IEnumerable<double> Flatten(JsonElement json) =>
        json.ValueKind == JsonValueKind.Array ? json.EnumerateArray().SelectMany(Flatten) : [json.GetDouble()];

    /// <summary>Bytes that are written as hexadecimal digits.</summary>
    public static float[] Bytes(JsonElement hexadecimal) => Array.ConvertAll(Convert.FromHexString(hexadecimal.GetString()!), value => (float)value);

    public static void AssertClose(JsonElement expected, Tensor actual, double tolerance)
    {
        double[] wanted = [.. Flatten(expected)], values = Values(actual);
        Assert.Equal(wanted.Length, values.Length);
        foreach (var (want, have) in wanted.Zip(values))
            Assert.Equal(want, have, tolerance);
    }

    /// <summary>Compares the gradients of heads and embeddings after a backward pass with all that a file has.</summary>
    public static void AssertGradients(JsonElement expected, Heads heads, Tensor embeddings, double tolerance)
    {
        var gradients = heads.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!);
        gradients["embeddings"] = embeddings.grad!;
        Assert.Equal(expected.EnumerateObject().Select(gradient => gradient.Name).Order(), gradients.Keys.Order());
        foreach (var gradient in expected.EnumerateObject())
            AssertClose(gradient.Value, gradients[gradient.Name], tolerance);
    }

    public static double[] Values(Tensor values) => [.. values.detach().to(ScalarType.Float64).contiguous().data<double>()];
}
