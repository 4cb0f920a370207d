using System.Diagnostics;
using System.Text.Json.Serialization;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// What a time gives: a search, the library's defaults, or the first trial of a search with a set of transformations; measured on images that
/// nothing was chosen by.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record SearchRun : IRun
{
    public const string Search = "search";
    public const string Defaults = "defaults";

    private const string HeldOut = ":held-out";
    private const float ValidationFraction = 0.2f;

    /// <summary>Share of the time that is planned for a training without a search. Validation and a busy machine take the rest.</summary>
    private const double Planned = 0.9;

    /// <summary><c>cifar10</c> or <c>cifar10-250</c>, which have 100 or 250 training images of a class, <c>fashion</c>, the quick start's, or <c>omniglot</c>, whose alphabets are the classes.</summary>
    public required string Data { get; init; }

    /// <summary>Test images of each class; null for all there are.</summary>
    public int? TestImagesPerClass { get; init; }

    /// <summary><c>search</c> or <c>defaults</c>, either with <c>:held-out</c>, which keeps a fifth of the images from the model; or a set of transformations.</summary>
    public required string What { get; init; }

    /// <summary>The search space's name of the base augmentation under which a set is trained; null for the defaults'.</summary>
    public string? Augmentation { get; init; }

    /// <summary>The time that it has.</summary>
    public required uint Seconds { get; init; }

    public required int Threads { get; init; }

    /// <summary>Seed of the images, the validation rows and the training.</summary>
    public required int Seed { get; init; }

    /// <summary>Whether a fifth of the images is kept from the model.</summary>
    public bool IsHeldOut => What.EndsWith(HeldOut, StringComparison.Ordinal);

    int IRun.Cores => Threads;

    private int Channels => Data is "fashion" or "omniglot" ? 1 : 3;

    private int Side => Channels == 1 ? 28 : 32;

    /// <summary>Whether it is a search, or the defaults.</summary>
    public bool Is(string what) => What == what || What == what + HeldOut;

    public void Check()
    {
        if (Data is not ("fashion" or "cifar10" or "cifar10-250" or "omniglot"))
            throw new FormatException($"There are no data '{Data}': there are fashion, cifar10, cifar10-250 and omniglot.");
        if (!Is(Search) && !Is(Defaults))
            Space();
    }

    public object Measure(Arguments arguments)
    {
        var images = Read(arguments);
        var clock = Stopwatch.StartNew();
        var (model, configuration, accuracy) = Is(Defaults) ? Train(images) : RunSearch(images, arguments);
        double took = clock.Elapsed.TotalSeconds;
        using (model)
        {
            var metrics = images.MLContext.MulticlassClassification.Evaluate(model.Transform(images.Test));
            long testImages = metrics.ConfusionMatrix.Counts.Sum(row => (long)row.Sum());
            return new SearchLine(this, configuration, model.Transformations.Name, accuracy, metrics.MicroAccuracy, metrics.LogLoss, testImages, took);
        }
    }

    private (SlaTransformer, string?, double?) RunSearch(Images images, Arguments arguments)
    {
        bool isOfSet = !Is(Search);
        string name = string.Join('-', new[] { Data, $"{Seconds}", $"{Threads}", $"{Seed}", What.Replace(':', '-'), Augmentation }.OfType<string>());
        var options = new SlaExperiment.Options { Trainer = Options(), Folder = arguments.ArtifactsOf(Path.Combine("searches", name)) };
        var experiment = images.MLContext.MulticlassClassification.CreateSlaExperiment(options)
            .SetDataset(images.Training, ValidationFraction, holdOut: isOfSet || IsHeldOut)
            .SetSearchSpace(isOfSet ? Space() : new SlaSearchSpace())
            .SetTrainingTimeInSeconds(Seconds);
        if (isOfSet)
            experiment.SetMaxModelToExplore(1);
        var found = experiment.Run();
        return (found.Model, found.Best.Name, found.Best.Last?.Accuracy);
    }

    private SlaSearchSpace Space()
    {
        var space = new SlaSearchSpace().Fix("Transformations", What);
        return Augmentation is null ? space : space.Fix("Augmentation", Augmentation);
    }

    /// <summary>Trains as many epochs as the time has room for, as measured first.</summary>
    private (SlaTransformer, string?, double?) Train(Images images)
    {
        var clock = Stopwatch.StartNew();
        var options = Options();
        options.ValidationSetFraction = IsHeldOut ? ValidationFraction : null;
        var trainers = images.MLContext.MulticlassClassification.Trainers;
        var speed = trainers.Sla(options).MeasureSpeed(images.Training, TimeSpan.FromSeconds(Math.Min(5, Seconds / 10.0)));
        double left = (Planned * (Seconds - clock.Elapsed.TotalSeconds)) - speed.Reading.TotalSeconds;
        options.Epochs = Math.Max(1, (int)(left / speed.Epoch.TotalSeconds));
        var model = trainers.Sla(options).Fit(images.Training);
        return (model, null, model.TrainingHistory.KeptEpoch.ValidationAccuracy);
    }

    private SlaTrainer.Options Options() => new()
    {
        FeatureColumnName = Images.Column,
        Channels = Channels,
        ImageWidth = Side,
        ImageHeight = Side,
        Resizing = ImageResizingEstimator.ResizingKind.IsoPad,
        Seed = Seed,
        Threads = Threads,
    };

    private Images Read(Arguments arguments) => Data switch
    {
        "fashion" => OfFashion(arguments),
        "omniglot" => OfOmniglot(arguments),
        _ => OfHalves(ImageFiles.OfHalf(arguments.Cifar, "train"), Data == "cifar10" ? 100 : 250, ImageFiles.OfHalf(arguments.Cifar, "test")),
    };

    /// <summary>The quick start's images; those to test on are of all of Fashion-MNIST where it has fewer than are asked for.</summary>
    private Images OfFashion(Arguments arguments)
    {
        string folder = ImageFiles.QuickStart(arguments);
        var (training, test) = (ImageFiles.OfHalf(folder, "train"), ImageFiles.OfHalf(folder, "test"));
        return OfHalves(training, training[0].Length, TestImagesPerClass > test[0].Length ? ImageFiles.OfHalf(FashionMnist.WriteTestFiles(arguments), "test") : test);
    }

    private Images OfHalves(IReadOnlyList<ImageFile[]> training, int trainingImages, IReadOnlyList<ImageFile[]> test) => Images.OfFiles(
        Seed,
        ImageFiles.Draw(Seed, training, _ => trainingImages).SelectMany(files => files),
        test.SelectMany(files => TestImagesPerClass is { } count ? ImageFiles.First(files, count) : files));

    private Images OfOmniglot(Arguments arguments)
    {
        var (training, test) = ImageFiles.OmniglotAlphabets(arguments);
        ImageFile[] shuffled = [.. training.SelectMany(drawings => drawings)];
        new Random(Seed).Shuffle(shuffled);
        return Images.OfFiles(Seed, shuffled, test.SelectMany(drawings => drawings));
    }
}

/// <summary>What a time gave.</summary>
/// <param name="Run">What was run.</param>
/// <param name="Configuration">What the search chose, or was given; null for the defaults.</param>
/// <param name="Transformations">The model's transformations.</param>
/// <param name="ValidationAccuracy">Share of the validation images whose class is predicted.</param>
/// <param name="TestAccuracy">Share of the test images.</param>
/// <param name="TestLogLoss">Their mean cross-entropy, in nats.</param>
/// <param name="TestImages">Their number.</param>
/// <param name="Took">Seconds that it took.</param>
internal sealed record SearchLine(
    SearchRun Run, string? Configuration, string Transformations, double? ValidationAccuracy, double TestAccuracy, double TestLogLoss, long TestImages, double Took);
