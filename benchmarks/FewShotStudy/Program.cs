// Few-shot learning with and without SLA: trains embeddings on some classes and measures them on others, on one thread.
//   dotnet run -c Release --project benchmarks/FewShotStudy -- omniglot ZIPS_FOLDER RESULTS.jsonl FIRST_SEED LAST_SEED [TRANSFORMATIONS] [EPISODES]
// trains on the characters of omniglot-images_background_small1.zip and measures the alphabets of small2 that small1 lacks.
//   dotnet run -c Release --project benchmarks/FewShotStudy -- cifar CIFAR_FOLDER RESULTS.jsonl FIRST_SEED LAST_SEED [TRANSFORMATIONS] [EPISODES]
// trains on six classes of a folder with train/<class>/*.jpg and measures the other four.
//   dotnet run -c Release --project benchmarks/FewShotStudy -- report RESULTS.jsonl...
// writes the tables as Markdown, and with `figure docs/results/few-shot RESULTS.jsonl...` docs/results/few-shot.svg and .png.
// Appends one JSON object for each training and size of episodes. What is in the file is not run again.
using System.Diagnostics;
using System.Globalization;
using FewShotStudy;
using Microsoft.ML;
using Microsoft.ML.Sla;

const int Queries = 15;
const int EvaluationEpisodes = 600;

if (args is ["report", .. var files])
{
    Report.Write(files.SelectMany(Measurement.Read), Console.Out);
    return;
}

if (args is ["figure", var path, .. var drawn])
{
    Report.WriteFigure(drawn.SelectMany(Measurement.Read), path);
    return;
}

var study = args[0] switch
{
    "omniglot" => Study.Omniglot(args[1]),
    "cifar" => Study.Cifar(args[1]),
    _ => throw new ArgumentException($"There is no study '{args[0]}'."),
};
string results = args[2];
int firstSeed = int.Parse(args[3], CultureInfo.InvariantCulture), lastSeed = int.Parse(args[4], CultureInfo.InvariantCulture);
var transformations = args.Length > 5 ? Study.Transformations(args[5]) : TransformationSet.Rotation;
int episodes = args.Length > 6 ? int.Parse(args[6], CultureInfo.InvariantCulture) : study.Episodes;

for (int seed = firstSeed; seed <= lastSeed; seed++)
{
    foreach (var objective in Enum.GetValues<FewShotObjective>())
    {
        var done = File.Exists(results) ? Measurement.Read(results) : [];
        if (!done.Any(line => (line.Study, line.Transformations, line.Objective, line.Seed, line.TrainingEpisodes) == (args[0], transformations.Name, objective, seed, episodes)))
            File.AppendAllLines(results, Measure(objective, seed).Select(measurement => measurement.ToJson()));
    }
}

Measurement[] Measure(FewShotObjective objective, int seed)
{
    var mlContext = new MLContext(seed);
    var options = study.Options();
    options.FeatureColumnName = "Image";
    options.Objective = objective;
    options.Transformations = transformations;
    options.Episodes = episodes;
    options.LearningRateSchedule = LearningRateSchedule.Cosine;
    options.WeightDecay = 5e-4;
    options.Seed = seed;
    options.Threads = 1;
    options.MetricsCallback = metrics =>
    {
        if (metrics.IsEpochEnd)
            Console.Error.WriteLine($"{args[0]} {objective} {seed}: episode {metrics.Step}/{metrics.Steps}, loss {metrics.Loss:F3}, {metrics.Remaining:mm\\:ss} left");
    };

    var clock = Stopwatch.StartNew();
    using var model = mlContext.MulticlassClassification.Trainers.SlaFewShot(options).Fit(Images(mlContext, study.TrainingImages));
    double seconds = clock.Elapsed.TotalSeconds;
    using var embedding = model.WithInference(objective == FewShotObjective.Baseline ? SlaInference.Single : SlaInference.Aggregated);
    var measured = mlContext.MulticlassClassification.EvaluateFewShot(
        Images(mlContext, study.EvaluationImages), embedding, study.Sizes, Queries, EvaluationEpisodes, seed);
    return [.. measured.Select(metrics => new Measurement(
        args[0],
        transformations.Name,
        objective,
        seed,
        episodes,
        $"{embedding.Architecture}",
        metrics.Ways,
        metrics.Shots,
        Queries,
        Correct(metrics.Single, metrics.Ways),
        Correct(metrics.Aggregated, metrics.Ways),
        Math.Round(seconds, 1)))];
}

static int[] Correct(EpisodeMean accuracy, int ways) => [.. accuracy.Values.Select(value => (int)Math.Round(value * ways * Queries))];

static IDataView Images(MLContext mlContext, IEnumerable<LabelledImage> images)
{
    var files = mlContext.Data.LoadFromEnumerable(images);
    return mlContext.Transforms.Conversion.MapValueToKey("Label")
        .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath")).Fit(files).Transform(files);
}
