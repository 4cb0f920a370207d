using System.Diagnostics;

namespace Microsoft.ML.Sla.ImbalancedStudy;

/// <summary>An image file and its class.</summary>
internal sealed record LabelledImage(string ImagePath, string Label);

/// <summary>Trains every setting that a file does not have yet.</summary>
internal sealed class Study(string folder, string output, int ratio, int epochs, string chosenLoss)
{
    private const int LargestClass = 500;
    private const int TestImagesOfClass = 200;

    private static readonly SlaObjective[] Objectives = [SlaObjective.Baseline, SlaObjective.SlaSelfDistillation];
    private static readonly (string Name, Action<SlaTrainer.Options> Set)[] Losses =
    [
        (Report.CrossEntropy, _ => { }),
        (Report.ClassBalanced, options => options.ClassWeighting = ClassWeighting.ClassBalanced()),
        (Report.LdamDrw, options =>
        {
            options.ClassificationLoss = ClassificationLoss.Ldam();
            options.ClassWeighting = ClassWeighting.ClassBalanced();
            options.DeferredReweighting = 0.8;
        }),
    ];

    private readonly (string Name, Action<SlaTrainer.Options> Set)[] _losses =
        Losses.Where(loss => chosenLoss == "all" || chosenLoss == loss.Name).ToArray() is { Length: > 0 } losses
            ? losses
            : throw new ArgumentException($"There is no loss '{chosenLoss}'. There are {string.Join(", ", Losses.Select(loss => loss.Name))}, and all.");

    private readonly string[] _classes =
        [.. Directory.GetDirectories(Path.Combine(folder, "train")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public void Run(int seed)
    {
        var done = Trial.ReadAll(output).Select(trial => trial.Key).ToHashSet();
        foreach (var (loss, set) in _losses)
        {
            foreach (var objective in Objectives.Where(objective => !done.Contains((seed, ratio, epochs, loss, $"{objective}"))))
            {
                var options = Options(seed, objective);
                set(options);
                Train(seed, loss, options).AppendTo(output);
            }
        }
    }

    private SlaTrainer.Options Options(int seed, SlaObjective objective) => new()
    {
        FeatureColumnName = "Image",
        Objective = objective,
        Architecture = Architecture.CifarResNet(depth: 8),
        ViewsPerStep = 2,
        Epochs = epochs,
        BatchSize = 64,
        LearningRate = 0.1,
        LearningRateSchedule = LearningRateSchedule.OneCycle,
        WeightDecay = 5e-4,
        Seed = seed,
        Threads = 1,
    };

    private Trial Train(int seed, string loss, SlaTrainer.Options options)
    {
        var mlContext = new MLContext(seed);
        var (training, test) = Data(mlContext, seed);
        var clock = Stopwatch.StartNew();
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(training);
        double seconds = clock.Elapsed.TotalSeconds;
        var recalls = model.Inferences.ToDictionary(inference => $"{inference}", inference =>
        {
            using var scorer = model.WithInference(inference);
            return mlContext.MulticlassClassification.Evaluate(scorer.Transform(test)).ConfusionMatrix.PerClassRecall;
        });
        return new Trial(seed, ratio, epochs, loss, $"{options.Objective}", recalls, model.TrainingHistory.Epochs[^1].Loss, seconds);
    }

    /// <summary>Training images drawn by the seed, n_0 r^(i/(N-1)) of class i (Cao et al. 2019), and the first test images of each class.</summary>
    private (IDataView Training, IDataView Test) Data(MLContext mlContext, int seed)
    {
        var random = new Random(seed);
        var images = new List<LabelledImage>();
        foreach (var (number, name) in _classes.Index())
        {
            LabelledImage[] ofClass = Images("train", name);
            random.Shuffle(ofClass);
            images.AddRange(ofClass.Take((int)Math.Round(LargestClass * Math.Pow(1.0 / ratio, number / (_classes.Length - 1.0)))));
        }

        var training = mlContext.Data.LoadFromEnumerable(images);
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath")).Fit(training);
        var test = mlContext.Data.LoadFromEnumerable(_classes.SelectMany(name => Images("test", name).Take(TestImagesOfClass)));
        return (preparation.Transform(training), preparation.Transform(test));
    }

    private LabelledImage[] Images(string half, string name) =>
        [.. Directory.GetFiles(Path.Combine(folder, half, name)).Order(StringComparer.Ordinal).Select(path => new LabelledImage(path, name))];
}
