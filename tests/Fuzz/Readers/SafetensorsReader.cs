using Microsoft.ML.Sla.Networks;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Reads all tensors of a safetensors file.</summary>
internal sealed class SafetensorsReader : IFileReader
{
    public string Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return string.Join("; ", file.Names.Select(name => $"{name} [{string.Join(", ", file.Shape(name))}] {Answers.Of(file.Read(name))}"));
    }

    public void Dispose()
    {
    }
}
