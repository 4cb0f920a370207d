using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A small real training run that tests share; of one thread, because threads of small operations wait for each other where other tests run.</summary>
internal static class Training
{
    public static SlaTrainer.Options Options(SlaObjective objective = SlaObjective.SlaSelfDistillation) => new()
    {
        FeatureColumnName = "Image",
        Channels = 1,
        Objective = objective,
        Architecture = Architecture.CifarResNet(depth: 8),
        Epochs = 2,
        BatchSize = 16,
        LearningRate = 0.05,
        Seed = 7,
        Threads = 1,
        Device = SlaDevice.Cpu,
    };

    public static SlaFewShotTrainer.Options FewShotOptions() => new()
    {
        FeatureColumnName = "Image",
        Channels = 1,
        Architecture = Architecture.ConvNet(4),
        Episodes = 2,
        Ways = 2,
        Shots = 1,
        Queries = 1,
        Seed = 1,
        Threads = 1,
    };

    /// <summary>Rows with a key column Label and an image column Image.</summary>
    public static IDataView Images(MLContext mlContext, IEnumerable<LabelledImage> images)
    {
        var data = mlContext.Data.LoadFromEnumerable(images);
        return mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", "", "ImagePath"))
            .Fit(data).Transform(data);
    }

    public static IDataView Images(MLContext mlContext, int classes = 3, int perClass = 24) => Images(mlContext, FashionImages.Train(classes, perClass));

    /// <summary>The model as a program has it that reads its file.</summary>
    public static SlaTransformer SavedAndLoaded(MLContext mlContext, SlaTransformer model)
    {
        string path = Path.GetTempFileName();
        try
        {
            mlContext.Model.Save(model, null, path);
            return SlaTransformer.Load(mlContext, path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>All of a model, to compare bit by bit.</summary>
    public static byte[] OnnxOf(SlaTransformer model)
    {
        string path = Path.GetTempFileName();
        try
        {
            model.SaveOnnx(path);
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    public static float[][] Scores(IDataView scored) => [.. scored.GetColumn<float[]>("Score")];

    /// <summary>What the log-loss of a model's scores would be with a temperature of 1.</summary>
    public static double LogLossWithoutTemperature(SlaTransformer model, IDataView scored) =>
        Scores(scored).Zip(scored.GetColumn<uint>("Label"), (row, label) => -Math.Log(WithTemperature(row, 1 / model.Temperature)[label - 1])).Average();

    /// <summary>softmax(s / T) of the probabilities softmax(s).</summary>
    public static double[] WithTemperature(float[] probabilities, double temperature)
    {
        double[] powers = [.. probabilities.Select(p => Math.Pow(p, 1 / temperature))];
        return [.. powers.Select(p => p / powers.Sum())];
    }

    public static double LargestDifference(IEnumerable<float[]> a, IEnumerable<float[]> b) =>
        a.Zip(b).Max(pair => pair.First.Zip(pair.Second).Max(p => Math.Abs(p.First - p.Second)));
}
