using System.Diagnostics;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;
using QuickStart;

using var cancellation = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    cancellation.Cancel();
};

string artifacts = Path.Combine("artifacts", "quickstart");
string images = ImageFolder.Unpack(Path.Combine(artifacts, "images"));
LabelledImage[] testImages = ImageFolder.List(Path.Combine(images, "test"));

var mlContext = new MLContext(seed: 1);
IDataView trainFiles = mlContext.Data.LoadFromEnumerable(ImageFolder.List(Path.Combine(images, "train")));
IDataView testFiles = mlContext.Data.LoadFromEnumerable(testImages);

var labels = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(trainFiles);
var loading = mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath").Fit(trainFiles);
IDataView train = loading.Transform(labels.Transform(trainFiles));
IDataView test = loading.Transform(labels.Transform(testFiles));

try
{
    var (baseline, baselineSeconds) = Train("Baseline", SlaObjective.Baseline);
    var (sla, slaSeconds) = Train("SLA+SD", SlaObjective.SlaSelfDistillation);
    using var _ = baseline;
    using var __ = sla;

    Result[] results =
    [
        Measure("single baseline", baseline, SlaInference.Single, baselineSeconds),
        Measure("SLA single", sla, SlaInference.Single, slaSeconds),
        Measure("SLA aggregated", sla, SlaInference.Aggregated, slaSeconds),
        Measure("SLA+SD distilled", sla, SlaInference.Distilled, slaSeconds),
    ];
    Report.Table(results, testImages.Length);

    var naming = mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel").Fit(sla.Transform(test));
    string modelPath = Path.Combine(artifacts, "model.zip");
    mlContext.Model.Save(new TransformerChain<ITransformer>(loading, sla, naming), ImageFolder.PathSchema(mlContext), modelPath);
    File.WriteAllText(Path.Combine(artifacts, "metrics.json"), JsonSerializer.Serialize(results, Report.Json));
    PredictWith(modelPath);
    return 0;
}
catch (OperationCanceledException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 130;
}

(SlaTransformer Model, double Seconds) Train(string name, SlaObjective objective)
{
    var clock = Stopwatch.StartNew();
    var model = Report.WithProgress(name, progress => mlContext.MulticlassClassification.Trainers.Sla(Configuration.For(objective, progress, cancellation.Token)).Fit(train));
    return (model, clock.Elapsed.TotalSeconds);
}

Result Measure(string name, SlaTransformer model, SlaInference inference, double trainingSeconds)
{
    using var scorer = model.WithInference(inference);
    var metrics = mlContext.MulticlassClassification.Evaluate(scorer.Transform(test));

    // The second pass is timed: the first one has warmed up. It reads, decodes and scores every file, on all processors.
    var clock = Stopwatch.StartNew();
    int count = scorer.Transform(test).GetColumn<uint>("PredictedLabel").Count();
    double milliseconds = clock.Elapsed.TotalMilliseconds / count;

    string onnx = Path.Combine(artifacts, "size.onnx");
    scorer.ExportOnnx(onnx);
    long bytes = new FileInfo(onnx).Length;
    File.Delete(onnx);
    return new Result(name, metrics.MicroAccuracy, metrics.LogLoss, milliseconds, bytes, trainingSeconds);
}

void PredictWith(string modelPath)
{
    ITransformer model = mlContext.Model.Load(modelPath, out _);
    using var engine = mlContext.Model.CreatePredictionEngine<ImageFile, Prediction>(model);
    Console.WriteLine($"{modelPath}, loaded again, predicts");
    foreach (var image in testImages.Where((_, i) => i % 200 == 0))
    {
        var prediction = engine.Predict(new ImageFile { ImagePath = image.ImagePath });
        Console.WriteLine($"  {image.ImagePath}: {prediction.PredictedLabelName} ({prediction.Score.Max():P0})");
    }
}
