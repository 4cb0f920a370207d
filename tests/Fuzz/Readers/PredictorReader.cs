using Microsoft.ML.Sla.Fuzz.Seeds;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Loads a predictor and scores an image, with the views' own scores or without.</summary>
internal sealed class PredictorReader(Corpus corpus, bool withViews) : IFileReader
{
    private readonly string _image = corpus.PathOf(ImageSeeds.Photos, "dark-0.png");

    public string Read(string path)
    {
        using var predictor = SlaPredictor.Load(path);
        if (!withViews)
            return Score(predictor);
        using var ofViews = predictor.WithViewScores();
        return Score(ofViews);
    }

    public void Dispose()
    {
    }

    private string Score(SlaPredictor predictor)
    {
        var prediction = predictor.Predict(_image);
        return Answers.Of(predictor.ClassNames, [.. prediction.Score, .. prediction.ViewScores.SelectMany(view => view)]);
    }
}
