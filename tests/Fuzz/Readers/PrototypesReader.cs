using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Loads a classifier by prototypes and scores the embedding of an image.</summary>
internal sealed class PrototypesReader : IFileReader
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly float[] _embedding;

    public PrototypesReader(Corpus corpus)
    {
        using var embedding = SlaEmbeddingTransformer.Load(_mlContext, corpus.PathOf("embedding", "embedding.zip"));
        var row = new ImageRows(_mlContext, corpus).For(embedding.Model.Description.Features)!;
        _embedding = embedding.Transform(row).GetColumn<float[]>(embedding.EmbeddingColumnName).Single();
    }

    public string Read(string path)
    {
        using var model = PrototypeTransformer.Load(_mlContext, path);
        var definition = SchemaDefinition.Create(typeof(EmbeddingRow));
        definition[0].ColumnName = model.EmbeddingColumnName;
        definition[0].ColumnType = new VectorDataViewType(NumberDataViewType.Single, _embedding.Length);
        var row = _mlContext.Data.LoadFromEnumerable([new EmbeddingRow { Embedding = _embedding }], definition);
        var scored = model.Transform(row);
        var scores = scored.Schema.First(column => column.Type is VectorDataViewType && column.Name != model.EmbeddingColumnName);
        return Answers.Of(model.ClassNames, scored.GetColumn<float[]>(scores).Single());
    }

    public void Dispose()
    {
    }

    private sealed class EmbeddingRow
    {
        public required float[] Embedding { get; init; }
    }
}
