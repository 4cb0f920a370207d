namespace Microsoft.ML.Sla.Tests;

/// <summary>Files of small models, trained once for a test process. The number of classes tells their answers apart.</summary>
internal static class TrainedModels
{
    private static readonly Lazy<byte[]> Two = new(() => Train(classes: 2, SlaObjective.SlaSelfDistillation)), Three = new(() => Train(classes: 3, SlaObjective.Baseline));

    /// <summary>A model of two classes, which all inferences can score.</summary>
    public static byte[] OfTwo => Two.Value;

    /// <summary>A model of three classes, which was trained for single inference alone.</summary>
    public static byte[] OfThree => Three.Value;

    /// <summary>The bytes of an image file.</summary>
    public static byte[] Image { get; } = File.ReadAllBytes(FashionImages.Test(classes: 1, perClass: 1)[0].ImagePath);

    private static byte[] Train(int classes, SlaObjective objective)
    {
        var mlContext = new MLContext(seed: 1);
        var images = mlContext.Data.LoadFromEnumerable(FashionImages.Train(classes, perClass: 4));
        var rows = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(mlContext.Transforms.LoadImages("Image", "", "ImagePath")).Fit(images).Transform(images);
        using var model = mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
        {
            FeatureColumnName = "Image",
            Channels = 1,
            ImageWidth = 16,
            ImageHeight = 16,
            Architecture = Architecture.ConvNet(4),
            Epochs = 1,
            Objective = objective,
        }).Fit(rows);
        using var file = new MemoryStream();
        mlContext.Model.Save(model, rows.Schema, file);
        return file.ToArray();
    }
}
