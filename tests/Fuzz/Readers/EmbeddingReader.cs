using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Loads an embedding and embeds an image.</summary>
internal sealed class EmbeddingReader : IFileReader
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly ImageRows _rows;

    public EmbeddingReader(Corpus corpus) => _rows = new ImageRows(_mlContext, corpus);

    public string Read(string path)
    {
        using var model = SlaEmbeddingTransformer.Load(_mlContext, path);
        return _rows.For(model.Model.Description.Features) is { } row
            ? Answers.Of(model.Transform(row).GetColumn<float[]>(model.EmbeddingColumnName).Single())
            : "an embedding of vectors";
    }

    public void Dispose()
    {
    }
}
