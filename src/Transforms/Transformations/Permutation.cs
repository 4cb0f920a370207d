namespace Microsoft.ML.Sla;

/// <summary>A permutation that the user gives as a list of indices, for images of one size.</summary>
internal sealed class Permutation : Transformation
{
    public Permutation(string name, int[] indices)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        CheckBijection(name, indices);
        Name = name;
        Indices = indices;
    }

    [System.Text.Json.Serialization.JsonInclude]
    public override string Name { get; }

    public int[] Indices { get; }

    internal override string? Objection(ImageShape shape) =>
        shape.Length != Indices.Length
            ? $"The permutation '{Name}' is of {Indices.Length} values, and images of {shape} have {shape.Length}. "
              + "Give a permutation of C * H * W values."
            : null;

    private protected override int[] Permute(ImageShape shape) => [.. Indices];

    private static void CheckBijection(string name, int[] indices)
    {
        var seen = new bool[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            int source = indices[i];
            if (source < 0 || source >= indices.Length || seen[source])
            {
                throw new ArgumentException(
                    $"'{name}' is not a permutation: the value {source} at position {i} is "
                    + (source >= 0 && source < indices.Length ? "there twice." : $"outside 0 to {indices.Length - 1}."),
                    nameof(indices));
            }

            seen[source] = true;
        }
    }
}
