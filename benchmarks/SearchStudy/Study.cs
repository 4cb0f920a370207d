using System.Diagnostics;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.SearchStudy;

/// <summary>Runs what a file does not have yet, one run at a time.</summary>
internal sealed class Study(string data, string folder, string output, uint seconds, int threads)
{
    private const float ValidationFraction = 0.2f;

    /// <summary>Share of the time that is planned for a training without a search, as sla train does.</summary>
    private const double Planned = 0.9;

    private static readonly string[] Sets = ["none", "rotation2", "rotation", "hflip", "vflip", "color3", "color", "rotation+color3"];

    /// <summary>A search.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="isHeldOut">Whether the model is kept from the images that trials are compared on.</param>
    public void RunSearch(int seed, bool isHeldOut)
    {
        string name = Measurement.NameOf("search", isHeldOut);
        Run(seed, name, (mlContext, train, options) => Search(mlContext, train, options, name, new SlaSearchSpace(), isHeldOut));
    }

    /// <summary>The library's defaults.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="isHeldOut">Whether as many images are kept from the training as a search compares trials on, and the best epoch chosen by them.</param>
    public void RunDefaults(int seed, bool isHeldOut) =>
        Run(seed, Measurement.NameOf("defaults", isHeldOut), (mlContext, train, options) => Train(mlContext, train, options, isHeldOut));

    /// <summary>The first trial of a search with each set of transformations that is possible for the images, trained for the whole time.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="augmentation">The search space's name of the base augmentation; null for the defaults'.</param>
    public void RunSets(int seed, string? augmentation)
    {
        var images = Images.Of(data, folder, seed);
        foreach (string set in Sets.Where(set => images.Channels == 3 || !set.Contains("color", StringComparison.Ordinal)))
        {
            var space = new SlaSearchSpace().Fix("Transformations", set);
            if (augmentation is not null)
                space.Fix("Augmentation", augmentation);
            string name = augmentation is null ? set : $"{set}, {augmentation}";
            Run(images, seed, set, augmentation, (mlContext, train, options) => Search(mlContext, train, options, name, space, isHeldOut: true, mostTrials: 1));
        }
    }

    private void Run(int seed, string what, Func<MLContext, IDataView, SlaTrainer.Options, (SlaTransformer, string?, double?)> run) =>
        Run(Images.Of(data, folder, seed), seed, what, augmentation: null, run);

    private void Run(
        Images images, int seed, string what, string? augmentation, Func<MLContext, IDataView, SlaTrainer.Options, (SlaTransformer, string?, double?)> run)
    {
        if (Measurement.ReadAll(output).Any(measurement => measurement.Key == (data, seed, seconds, threads, what, augmentation)))
            return;

        var mlContext = new MLContext(seed);
        var (train, test) = Rows(mlContext, images);
        var clock = Stopwatch.StartNew();
        var (model, configuration, accuracy) = run(mlContext, train, Options(images, seed));
        double took = clock.Elapsed.TotalSeconds;
        using (model)
        {
            var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(test));
            var measurement = new Measurement(
                data, seed, seconds, threads, what, augmentation, configuration, model.Transformations.Name, accuracy, metrics.MicroAccuracy, metrics.LogLoss, images.Test.Count, took);
            measurement.AppendTo(output);
            Console.WriteLine(measurement);
        }
    }

    private (SlaTransformer, string?, double?) Search(
        MLContext mlContext, IDataView train, SlaTrainer.Options options, string name, SlaSearchSpace space, bool isHeldOut, int? mostTrials = null)
    {
        string record = Path.Combine(output + ".searches", FormattableString.Invariant($"{data}-{seconds}-{threads}-{options.Seed}-{name.Replace(':', '-')}"));
        var experiment = mlContext.MulticlassClassification.CreateSlaExperiment(new SlaExperiment.Options { Trainer = options, Folder = record })
            .SetDataset(train, ValidationFraction, isHeldOut)
            .SetSearchSpace(space)
            .SetTrainingTimeInSeconds(seconds);
        if (mostTrials is { } most)
            experiment.SetMaxModelToExplore(most);
        var found = experiment.Run();
        return (found.Model, found.Best.Name, found.Best.Last?.Accuracy);
    }

    /// <summary>Trains as many epochs as the time has room for, as measured first.</summary>
    private (SlaTransformer, string?, double?) Train(MLContext mlContext, IDataView train, SlaTrainer.Options options, bool isHeldOut)
    {
        var clock = Stopwatch.StartNew();
        options.ValidationSetFraction = isHeldOut ? ValidationFraction : null;
        var speed = mlContext.MulticlassClassification.Trainers.Sla(options).MeasureSpeed(train, TimeSpan.FromSeconds(Math.Min(5, seconds / 10.0)));
        double left = (Planned * (seconds - clock.Elapsed.TotalSeconds)) - speed.Reading.TotalSeconds;
        options.Epochs = Math.Max(1, (int)(left / speed.Epoch.TotalSeconds));
        var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(train);
        return (model, null, model.TrainingHistory.KeptEpoch.ValidationAccuracy);
    }

    private SlaTrainer.Options Options(Images images, int seed) => new()
    {
        FeatureColumnName = "Image",
        Channels = images.Channels,
        ImageWidth = images.Side,
        ImageHeight = images.Side,
        Resizing = ImageResizingEstimator.ResizingKind.IsoPad,
        Seed = seed,
        Threads = threads,
    };

    private static (IDataView Train, IDataView Test) Rows(MLContext mlContext, Images images)
    {
        var train = mlContext.Data.LoadFromEnumerable(images.Train);
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath")).Fit(train);
        return (preparation.Transform(train), preparation.Transform(mlContext.Data.LoadFromEnumerable(images.Test)));
    }
}
