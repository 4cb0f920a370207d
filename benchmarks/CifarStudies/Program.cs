// Studies on CIFAR-10 with limited data, from a folder with train/<class>/*.jpg and test/<class>/*.jpg.
//   dotnet run -c Release --project benchmarks/CifarStudies -- augmentation CIFAR_FOLDER FIRST_SEED LAST_SEED
// trains the baseline and SLA+SD (2 of 4 rotations a step) with each base augmentation, on one thread.
//   dotnet run -c Release --project benchmarks/CifarStudies -- finetuning CIFAR_FOLDER FIRST_SEED LAST_SEED
// trains on five classes, from scratch and from weights that were trained on the other five.
//   dotnet run -c Release --project benchmarks/CifarStudies -- precision CIFAR_FOLDER FIRST_SEED LAST_SEED
// trains SLA+SD as fast as the machine can, and with every fast path off.
//   dotnet run -c Release --project benchmarks/CifarStudies -- int8 CIFAR_FOLDER FIRST_SEED LAST_SEED
// scores a model in 32-bit floats and in 8 bits.
// Prints one JSON object for each seed, setting and inference.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Sla;
using QuickStart;

string folder = args[1];
int firstSeed = int.Parse(args[2], CultureInfo.InvariantCulture), lastSeed = int.Parse(args[3], CultureInfo.InvariantCulture);
string[] classes = [.. Directory.GetDirectories(Path.Combine(folder, "train")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
for (int seed = firstSeed; seed <= lastSeed; seed++)
{
    Action<int> study = args[0] switch
    {
        "augmentation" => StudyAugmentation,
        "finetuning" => StudyFineTuning,
        "precision" => StudyPrecision,
        "int8" => StudyInt8,
        _ => throw new ArgumentException($"There is no study '{args[0]}'."),
    };
    study(seed);
}

void StudyAugmentation(int seed)
{
    ImageAugmentation crop = ImageAugmentation.RandomCrop(), flip = ImageAugmentation.HorizontalFlip();
    (string Name, ImageAugmentation[] Augmentations)[] settings =
    [
        ("none", []),
        ("crop", [crop]),
        ("flip", [flip]),
        ("crop, flip", [crop, flip]),
        ("resized crop, flip", [ImageAugmentation.RandomResizedCrop(), flip]),
        ("crop, flip, colour jitter", [crop, flip, ImageAugmentation.ColorJitter()]),
        ("crop, flip, Cutout", [crop, flip, ImageAugmentation.Cutout()]),
        ("crop, flip, CutMix", [crop, flip, ImageAugmentation.CutMix()]),
        ("crop, flip, Mixup", [crop, flip, ImageAugmentation.Mixup()]),
        ("crop, flip, RandAugment", [crop, flip, ImageAugmentation.RandAugment()]),
    ];
    var data = new Data(seed, folder, classes, trainPerClass: 100, testPerClass: 200);
    foreach (var (name, augmentations) in settings)
    {
        foreach (var objective in new[] { SlaObjective.Baseline, SlaObjective.SlaSelfDistillation })
        {
            var options = Options(seed, objective);
            options.Augmentations = augmentations;
            Measure(data, options, new { augmentation = name }).Dispose();
        }
    }
}

void StudyFineTuning(int seed)
{
    // Every second class is held apart, so that both halves have animals and vehicles.
    string[] source = [.. classes.Where((_, number) => number % 2 == 0)], target = [.. classes.Where((_, number) => number % 2 == 1)];
    var sourceData = new Data(seed, folder, source, trainPerClass: 1000, testPerClass: 200);
    string weights = Path.Combine(Path.GetTempPath(), $"cifar-source-{seed}.zip");
    var pretraining = Options(seed, SlaObjective.SlaSelfDistillation);
    pretraining.Epochs = 20;
    using (var model = Measure(sourceData, pretraining, new { setting = "weights: other five classes" }))
        sourceData.MLContext.Model.Save(model, sourceData.Training.Schema, weights);

    foreach (int perClass in new[] { 20, 100 })
    {
        var data = new Data(seed, folder, target, perClass, testPerClass: 200);
        foreach (var objective in new[] { SlaObjective.Baseline, SlaObjective.SlaSelfDistillation })
        {
            var options = Options(seed, objective);
            options.BatchSize = 32;
            Measure(data, options, new { setting = "from scratch", perClass }).Dispose();
            options.PretrainedPath = weights;
            options.LearningRate = 0.02;
            options.FrozenEpochs = 3;
            options.LayerRateDecay = 0.5;
            Measure(data, options, new { setting = "fine-tuned", perClass }).Dispose();
        }
    }

    File.Delete(weights);
}

void StudyPrecision(int seed)
{
    var data = new Data(seed, folder, classes, trainPerClass: 100, testPerClass: 1000);
    foreach (bool fast in new[] { true, false })
    {
        var options = Options(seed, SlaObjective.SlaSelfDistillation);
        options.Epochs = 30;
        options.Precision = fast ? Precision.Auto : Precision.Float32;
        options.Threads = fast ? null : 1;
        options.KeepMemory = fast;
        Measure(data, options, new { precision = $"{options.Precision}", threads = options.Threads, options.KeepMemory }).Dispose();
    }
}

void StudyInt8(int seed)
{
    var data = new Data(seed, folder, classes, trainPerClass: 500, testPerClass: 1000);
    var options = Options(seed, SlaObjective.SlaSelfDistillation);
    options.Architecture = Architecture.CifarResNet(depth: 20);
    options.Epochs = 10;
    options.Precision = Precision.Auto;
    options.Threads = null;
    using var model = data.MLContext.MulticlassClassification.Trainers.Sla(options).Fit(data.Training);
    foreach (var inference in new[] { SlaInference.Distilled, SlaInference.Aggregated })
    {
        using var exact = model.WithInference(inference);
        using var rounded = exact.ToInt8(data.Training);
        foreach (var scorer in new[] { exact, rounded })
        {
            var clock = Stopwatch.StartNew();
            var metrics = data.MLContext.MulticlassClassification.Evaluate(scorer.Transform(data.Test));
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                seed,
                inference = $"{inference}",
                int8 = scorer.IsInt8,
                accuracy = metrics.MicroAccuracy,
                logLoss = metrics.LogLoss,
                seconds = clock.Elapsed.TotalSeconds,
            }));
        }
    }
}

SlaTrainer.Options Options(int seed, SlaObjective objective) => new()
{
    FeatureColumnName = "Image",
    Objective = objective,
    Architecture = Architecture.CifarResNet(depth: 8),
    ViewsPerStep = 2,
    Epochs = 60,
    BatchSize = 64,
    LearningRate = 0.1,
    LearningRateSchedule = LearningRateSchedule.OneCycle,
    WeightDecay = 5e-4,
    Seed = seed,
    Threads = 1,
    Precision = Precision.Float32,
};

SlaTransformer Measure(Data data, SlaTrainer.Options options, object setting)
{
    var clock = Stopwatch.StartNew();
    var model = data.MLContext.MulticlassClassification.Trainers.Sla(options).Fit(data.Training);
    double seconds = clock.Elapsed.TotalSeconds;
    foreach (var inference in model.Inferences)
    {
        using var scorer = model.WithInference(inference);
        var metrics = data.MLContext.MulticlassClassification.Evaluate(scorer.Transform(data.Test));
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            seed = options.Seed,
            setting,
            objective = $"{options.Objective}",
            inference = $"{inference}",
            epochs = options.Epochs,
            trainingLoss = model.TrainingHistory.Epochs[^1].Loss,
            accuracy = metrics.MicroAccuracy,
            logLoss = metrics.LogLoss,
            seconds,
        }));
    }

    return model;
}

/// <summary>Training images drawn by the seed and the first test images of each class.</summary>
internal sealed class Data
{
    public Data(int seed, string folder, string[] classes, int trainPerClass, int testPerClass)
    {
        MLContext = new MLContext(seed);
        var random = new Random(seed);
        List<LabelledImage> Images(string half, int perClass, bool shuffled)
        {
            var images = new List<LabelledImage>();
            foreach (string name in classes)
            {
                string[] files = [.. Directory.GetFiles(Path.Combine(folder, half, name)).Order(StringComparer.Ordinal)];
                if (shuffled)
                    random.Shuffle(files);
                images.AddRange(files.Take(perClass).Select(path => new LabelledImage(path, name)));
            }

            return images;
        }

        var training = MLContext.Data.LoadFromEnumerable(Images("train", trainPerClass, shuffled: true));
        var preparation = MLContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(MLContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath")).Fit(training);
        Training = preparation.Transform(training);
        Test = preparation.Transform(MLContext.Data.LoadFromEnumerable(Images("test", testPerClass, shuffled: false)));
    }

    public MLContext MLContext { get; }

    public IDataView Training { get; }

    public IDataView Test { get; }
}
