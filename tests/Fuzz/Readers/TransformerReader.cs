using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Loads a model and scores an image, as it was saved or by another inference.</summary>
internal sealed class TransformerReader : IFileReader
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly ImageRows _rows;
    private readonly bool _withAnother;

    public TransformerReader(Corpus corpus, bool withAnother)
    {
        _rows = new ImageRows(_mlContext, corpus);
        _withAnother = withAnother;
    }

    public string Read(string path)
    {
        using var model = SlaTransformer.Load(_mlContext, path);
        if (!_withAnother)
            return Score(model);
        using var another = model.WithInference(model.Inferences.First(inference => inference != model.Inference));
        return Score(another);
    }

    public void Dispose()
    {
    }

    private string Score(SlaTransformer model)
    {
        var description = model.Model.Description;
        return _rows.For(description.Features) is { } row
            ? Answers.Of(model.ClassNames, model.Transform(row).GetColumn<float[]>(description.ScoreColumn).Single())
            : "a model of vectors";
    }
}
