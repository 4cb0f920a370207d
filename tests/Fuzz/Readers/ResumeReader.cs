using Microsoft.ML.Sla.Fuzz.Seeds;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Goes on with a training from its checkpoint.</summary>
internal sealed class ResumeReader : IFileReader
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly IDataView _rows;

    public ResumeReader() => _rows = _mlContext.Data.Cache(TinyTraining.Vectors(_mlContext));

    public string Read(string path)
    {
        var options = TinyTraining.CheckpointOptions(Path.GetDirectoryName(path)!);
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(_rows);
        return Answers.Of(model.ClassNames, model.Model.Weights.SelectMany(tensor => tensor.Values));
    }

    public void Dispose()
    {
    }
}
