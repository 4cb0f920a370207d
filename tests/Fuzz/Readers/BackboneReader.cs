namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Reads a network that others have trained, and asks which images it takes.</summary>
internal sealed class BackboneReader : IFileReader
{
    private static readonly ImageShape[] Shapes = [new(3, 32, 32), new(1, 48, 48), new(3, 17, 40)];

    public string Read(string path)
    {
        var network = Architecture.FromOnnx(path, new OnnxBackboneOptions { ImageSize = 32 });
        return $"{network.Name}, {network.EmbeddingSize}: {string.Join(", ", Shapes.Select(shape => network.Objection(shape)))}";
    }

    public void Dispose()
    {
    }
}
