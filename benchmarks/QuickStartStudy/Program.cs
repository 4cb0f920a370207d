// Chooses the quick start's configuration on validation rows: a quarter of train/, other rows for each seed. test/ is not read.
//   dotnet run -c Release --project benchmarks/QuickStartStudy -- FIRST_SEED LAST_SEED [EPOCHS] [FLIP true|false] [PER_CLASS]
// compares the baseline with SLA+SD, and
//   dotnet run -c Release --project benchmarks/QuickStartStudy -- FIRST_SEED LAST_SEED views
// training on k of the 4 views a step for 4/k times the epochs, and the baseline for as long, on one thread.
// Prints one JSON object for each seed and inference.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Sla;
using QuickStart;

int firstSeed = Argument(0, 1), lastSeed = Argument(1, 5), perClass = Argument(4, 200);
bool ofViews = args.Length > 2 && args[2] == "views";
(SlaObjective Objective, int Views)[] configurations = ofViews
    ?
    [
        (SlaObjective.SlaSelfDistillation, 4), (SlaObjective.SlaSelfDistillation, 3), (SlaObjective.SlaSelfDistillation, 2),
        (SlaObjective.Sla, 4), (SlaObjective.Sla, 2), (SlaObjective.Sla, 1), (SlaObjective.Baseline, 1),
    ]
    : [(SlaObjective.Baseline, 4), (SlaObjective.SlaSelfDistillation, 4)];
string images = ImageFolder.Unpack(Path.Combine("artifacts", "quickstart", "images"));
var classes = ImageFolder.List(Path.Combine(images, "train")).GroupBy(image => image.Label).ToList();

for (int seed = firstSeed; seed <= lastSeed; seed++)
{
    var random = new Random(seed);
    var training = new List<LabelledImage>();
    var validation = new List<LabelledImage>();
    foreach (var imagesOfClass in classes)
    {
        LabelledImage[] shuffled = [.. imagesOfClass.Take(perClass)];
        random.Shuffle(shuffled);
        validation.AddRange(shuffled.Take(shuffled.Length / 4));
        training.AddRange(shuffled.Skip(shuffled.Length / 4));
    }

    var mlContext = new MLContext(seed);
    var files = mlContext.Data.LoadFromEnumerable(training);
    var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
        .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath")).Fit(files);
    var rows = preparation.Transform(files);
    var heldOut = preparation.Transform(mlContext.Data.LoadFromEnumerable(validation));
    foreach (var (objective, views) in configurations)
    {
        var options = Configuration.For(objective, progress: null, CancellationToken.None);
        options.Seed = seed;
        options.ViewsPerStep = views;
        options.Epochs = ofViews ? options.Epochs * 4 / views : Argument(2, options.Epochs);
        options.Threads = ofViews ? 1 : null;
        bool flip = args.Length <= 3 || bool.Parse(args[3]);
        options.Augmentations = flip ? options.Augmentations : [options.Augmentations[0]];
        var clock = Stopwatch.StartNew();
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(rows);
        double seconds = clock.Elapsed.TotalSeconds;
        foreach (var inference in model.Inferences)
        {
            using var scorer = model.WithInference(inference);
            var metrics = mlContext.MulticlassClassification.Evaluate(scorer.Transform(heldOut));
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                seed,
                epochs = options.Epochs,
                flip,
                imagesPerClass = perClass * 3 / 4,
                objective = objective.ToString(),
                viewsPerStep = views,
                inference = inference.ToString(),
                accuracy = metrics.MicroAccuracy,
                logLoss = metrics.LogLoss,
                seconds,
            }));
        }
    }
}

int Argument(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;
