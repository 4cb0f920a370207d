#region program
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion
#region network
using static TorchSharp.torch;
#endregion

namespace Guides.Training;

internal static class TrainingGuide
{
    public static void Run()
    {
        #region program
        using var cancellation = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;      // Ctrl-C writes a checkpoint; the next run goes on from it
            cancellation.Cancel();
        };

        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Fit(files);
        var rows = preparation.Transform(files);

        var options = new SlaTrainer.Options
        {
            FeatureColumnName = "Image",
            ImageWidth = 32,
            ImageHeight = 32,
            Seed = 1,
            Epochs = 60,
            BatchSize = 64,
            ViewsPerStep = 2,
            LearningRateSchedule = LearningRateSchedule.OneCycle,
            WeightDecay = 5e-4,
            GradientClipping = 1,
            ValidationSetFraction = 0.2f,
            EarlyStopping = new EarlyStopping { Patience = 20 },
            CheckpointFolder = "run",
            Resume = true,
            Observers = [new TensorBoardLog("logs"), new ConsoleLog()],
            CancellationToken = cancellation.Token,
        };
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(rows);

        var kept = model.TrainingHistory.KeptEpoch;
        Console.WriteLine($"{model.Architecture}, epoch {kept.Epoch}: validation accuracy {kept.ValidationAccuracy:P1}");
        mlContext.Model.Save(preparation.Append(model), files.Schema, "model.zip");
        #endregion
    }

    public static double LearningRate(MLContext mlContext, SlaTrainer.Options options, IDataView rows)
    {
        #region learning rate
        var range = mlContext.MulticlassClassification.Trainers.Sla(options).FindLearningRate(rows);
        options.LearningRate = range.Suggested;
        #endregion
        return options.LearningRate;
    }

    public static SlaTrainer.Options Pretrained()
    {
        #region pretrained
        var options = new SlaTrainer.Options
        {
            FeatureColumnName = "Image",
            ImageWidth = 224,
            ImageHeight = 224,
            Architecture = Architecture.ResNet(18),
            PretrainedPath = "resnet18.safetensors",
            FrozenEpochs = 3,
            LayerRateDecay = 0.5,
            LearningRate = 0.01,
        };
        #endregion
        return options;
    }

    public static Architecture CustomNetwork()
    {
        #region network
        var architecture = Architecture.Custom("mine", embeddingSize: 64, shape => nn.Sequential(
            nn.Conv2d(shape.Channels, 64, 3, padding: 1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten()));
        #endregion
        return architecture;
    }
}

#region program
internal sealed class ConsoleLog : ITrainingObserver
{
    public void OnStart(TrainingStarted plan) =>
        Console.WriteLine($"{plan.Architecture}, {plan.Images} images, from step {plan.FirstStep} to {plan.Steps}");

    public void OnEpochEnd(TrainingProgress metrics) =>
        Console.WriteLine($"epoch {metrics.Epoch}: loss {metrics.Loss:F3}, accuracy {metrics.ValidationAccuracy:P1}");
}
#endregion
