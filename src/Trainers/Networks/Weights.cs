using System.Collections;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The parameters and running statistics of a network by name, in managed memory; row-major, as torch names and orders them.</summary>
internal sealed class Weights : IEnumerable<(string Name, long[] Shape, float[] Values)>
{
    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public Weights()
    {
    }

    /// <summary>Takes tensors over; their values are shared.</summary>
    public Weights(IEnumerable<(string Name, long[] Shape, float[] Values)> tensors)
    {
        foreach (var (name, shape, values) in tensors)
            this[name] = (shape, values);
    }

    public (long[] Shape, float[] Values) this[string name]
    {
        get => _entries.TryGetValue(name, out var entry)
            ? (entry.Shape, entry.Values)
            : throw new InvalidDataException($"The network has no tensor named '{name}'.");
        set => _entries[name] = new Entry(value.Shape, value.Values);
    }

    /// <summary>Copies tensors of any device.</summary>
    public static Weights Of(IEnumerable<(string Name, Tensor Value)> tensors)
    {
        // The scope keeps every intermediate alive: one that only a native call still uses may be collected under it.
        using var scope = NewDisposeScope();
        var weights = new Weights();
        foreach (var (name, value) in tensors)
        {
            Tensor onCpu = value.detach().to(CPU).contiguous();
            weights[name] = (onCpu.shape, onCpu.data<float>().ToArray());
        }

        return weights;
    }

    /// <summary>Copies values into tensors of the same names.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing here or has another shape.</exception>
    public void CopyTo(IEnumerable<(string Name, Tensor Value)> targets)
    {
        using var noGradient = no_grad();
        foreach (var (name, target) in targets)
        {
            var (shape, values) = this[name];
            if (!shape.AsSpan().SequenceEqual(target.shape))
                throw new InvalidDataException($"The tensor '{name}' is of shape [{string.Join(", ", shape)}], and the network needs [{string.Join(", ", target.shape)}].");
            using Tensor source = tensor(values, shape);
            target.copy_(source);
        }
    }

    /// <summary>Holds the tensors against those that a network has. Others may be there too.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing, of another shape, not all numbers, or a variance is below 0.</exception>
    public void Check(IReadOnlyDictionary<string, long[]> shapes)
    {
        foreach (var (name, wanted) in shapes)
        {
            var (shape, values) = this[name];
            if (!shape.AsSpan().SequenceEqual(wanted))
                throw new InvalidDataException($"the tensor '{name}' is of shape [{string.Join(", ", shape)}], and the network needs [{string.Join(", ", wanted)}].");
            if (name.EndsWith(".running_var", StringComparison.Ordinal) && Array.Exists(values, value => value < 0))
                throw new InvalidDataException($"the variances '{name}' have values below 0.");
        }

        CheckNumbers();
    }

    /// <param name="prefix">What the names begin with in the file.</param>
    /// <exception cref="InvalidDataException">A value is NaN or infinite.</exception>
    public void CheckNumbers(string prefix = "")
    {
        if (FirstNotFinite() is { } broken)
            throw new InvalidDataException($"the tensor '{prefix}{broken}' has values that are not numbers (NaN or infinite).");
    }

    /// <summary>The name of the first tensor with a value that is NaN or infinite; null where all are numbers.</summary>
    public string? FirstNotFinite() => _entries.FirstOrDefault(entry => !Array.TrueForAll(entry.Value.Values, float.IsFinite)).Key;

    public bool Contains(string name) => _entries.ContainsKey(name);

    public IEnumerator<(string Name, long[] Shape, float[] Values)> GetEnumerator() =>
        _entries.Select(entry => (entry.Key, entry.Value.Shape, entry.Value.Values)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private sealed record Entry(long[] Shape, float[] Values);
}
