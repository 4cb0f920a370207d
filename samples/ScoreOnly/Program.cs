// Loads a model that the quick start trained, and predicts the class of image files:
//   dotnet run -c Release --project samples/ScoreOnly -- artifacts/quickstart/model.zip shoe.png shirt.png
using System.Globalization;
using Microsoft.ML;

if (args.Length < 2)
{
    Console.Error.WriteLine("Usage: ScoreOnly MODEL.zip IMAGE...");
    return 1;
}

if (args.FirstOrDefault(file => !File.Exists(file)) is { } missing)
{
    Console.Error.WriteLine($"There is no file '{missing}'.");
    return 1;
}

var mlContext = new MLContext();
ITransformer model = mlContext.Model.Load(args[0], out _);
using var engine = mlContext.Model.CreatePredictionEngine<ImageFile, Prediction>(model);
foreach (string path in args.Skip(1))
{
    var prediction = engine.Predict(new ImageFile { ImagePath = path });
    string scores = string.Join(' ', prediction.Score.Select(p => p.ToString("R", CultureInfo.InvariantCulture)));
    Console.WriteLine($"{path}\t{prediction.PredictedLabelName}\t{scores}");
}

return 0;

/// <summary>What the model takes.</summary>
internal sealed class ImageFile
{
    public string ImagePath { get; set; } = "";
}

/// <summary>What the model gives: the name of the most probable class, and the probability of each class.</summary>
internal sealed class Prediction
{
    public string PredictedLabelName { get; set; } = "";

    public float[] Score { get; set; } = [];
}
