using System.Text.Json;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The numbers of Vectors/, and the inputs that they were made from.</summary>
internal static class VectorFile
{
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

    public static double[] Values(Tensor values) => [.. values.detach().to(ScalarType.Float64).contiguous().data<double>()];
}
