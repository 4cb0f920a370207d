using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>One training of an embedding on some classes, which is measured on episodes of others.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record FewShotRun : IRun
{
    private const string Cifar = "cifar10";
    private const string Omniglot = "omniglot";
    private const string Clothes = "clothes";
    private const string Grocery = "grocery";

    /// <summary>Name of the objective that stands for the pretrained network's own embedding.</summary>
    public const string Backbone = "backbone";

    /// <summary>Name of the architecture that stands for Microsoft's ResNet-18, which stays as it is.</summary>
    private const string Pretrained = "pretrained-resnet-18";

    private static readonly IReadOnlyDictionary<string, FewShotObjective> Objectives = new Dictionary<string, FewShotObjective>
    {
        ["baseline"] = FewShotObjective.Baseline,
        ["views-as-classes"] = FewShotObjective.ViewsAsClasses,
        ["sla"] = FewShotObjective.Sla,
    };

    /// <summary>
    /// <c>omniglot</c>, which trains on one background set and measures on another, <c>cifar10</c>, or the photos <c>clothes</c> or <c>grocery</c>.
    /// </summary>
    public required string Data { get; init; }

    /// <summary>Names of the classes, of Omniglot the alphabets, that are measured, joined by commas.</summary>
    public required string EvaluationClasses { get; init; }

    /// <summary>Images of each class to train on, the first; null for all.</summary>
    public int? ImagesPerClass { get; init; }

    /// <summary>Images of each class to measure on, the first; null for all.</summary>
    public int? EvaluationImagesPerClass { get; init; }

    /// <summary>Width and height that images are brought to; null for their own.</summary>
    public int? Side { get; init; }

    /// <summary>
    /// What an episode of the training is made of: <c>baseline</c>, <c>views-as-classes</c> or <c>sla</c>. With a pretrained network also
    /// <c>backbone</c>: no training.
    /// </summary>
    public required string Objective { get; init; }

    /// <summary>The set; the baseline, which has no views, is run for each set as well.</summary>
    public required string Transformations { get; init; }

    /// <summary>A name that the library parses, or <c>pretrained-resnet-18</c>, which stays as it is.</summary>
    public required string Architecture { get; init; }

    /// <summary>Null for the library's default, which is the squared Euclidean distance. The pretrained network's own embedding has the cosine.</summary>
    public string? Similarity { get; init; }

    public required string Augment { get; init; }

    /// <summary>Pixels that a random crop moves an image by at most; null for the library's default.</summary>
    public int? CropPadding { get; init; }

    /// <summary>Number of episodes trained on.</summary>
    public required int Episodes { get; init; }

    /// <summary>Classes in an episode of the training.</summary>
    public required int Ways { get; init; }

    /// <summary>Images of a class that its prototype is made of.</summary>
    public required int Shots { get; init; }

    /// <summary>Images of a class that are classified.</summary>
    public required int Queries { get; init; }

    public required double WeightDecay { get; init; }

    /// <summary>Ways and shots of the episodes that are measured, such as <c>5x1,5x5</c>.</summary>
    public required string EvaluationSizes { get; init; }

    /// <summary>Images of a class that are classified in an episode that is measured.</summary>
    public required int EvaluationQueries { get; init; }

    /// <summary>Number of episodes of each size that are measured.</summary>
    public required int EvaluationEpisodes { get; init; }

    /// <summary>Seed of the training and of the episodes that are measured.</summary>
    public required int Seed { get; init; }

    int IRun.Cores => 1;

    public void Check()
    {
        Options();
        Sizes();
    }

    public object Measure(Arguments arguments)
    {
        var images = Read(arguments);
        var clock = Stopwatch.StartNew();
        using var model = Embedding(images.MLContext, images.Training, arguments);
        double seconds = clock.Elapsed.TotalSeconds;
        using var embedding = model.WithInference(model.Inferences.Contains(SlaInference.Aggregated) ? SlaInference.Aggregated : SlaInference.Single);
        var measured = images.MLContext.MulticlassClassification.EvaluateFewShot(images.Test, embedding, Sizes(), EvaluationQueries, EvaluationEpisodes, Seed);
        return new FewShotLine(this, $"{embedding.Architecture}", seconds,
            [.. measured.Select(metrics => new EpisodeScores(metrics.Ways, metrics.Shots, EvaluationQueries, Correct(metrics.Single, metrics.Ways), Correct(metrics.Aggregated, metrics.Ways)))]);
    }

    private SlaEmbeddingTransformer Embedding(MLContext mlContext, IDataView training, Arguments arguments)
    {
        if (Objective == Backbone)
            return SlaEmbeddingTransformer.FromBackbone(mlContext, Sla.Architecture.PretrainedResNet18(), Images.Column, Side!.Value, TransformationSet.Parse(Transformations));
        var options = Options();
        if (IsPretrained)
        {
            options.Architecture = Sla.Architecture.PretrainedResNet18();
            options.CheckpointFolder = arguments.ArtifactsOf($"embeddings-{Data}-{Side}");
        }

        return mlContext.MulticlassClassification.Trainers.SlaFewShot(options).Fit(training);
    }

    private bool IsPretrained => Architecture == Pretrained;

    /// <summary>The library's options. The architecture of a pretrained network comes later, because reading its file takes time.</summary>
    private SlaFewShotTrainer.Options Options() => new()
    {
        FeatureColumnName = Images.Column,
        Channels = Data switch
        {
            Cifar or Clothes or Grocery => 3,
            Omniglot => 1,
            _ => throw new FormatException($"There are no data '{Data}': there are {Cifar}, {Omniglot}, {Clothes} and {Grocery}."),
        },
        ImageWidth = Side,
        ImageHeight = Side,
        Objective = Objective == Backbone ? FewShotObjective.Sla : Objectives.Find(Objective),
        Transformations = TransformationSet.Parse(Transformations),
        Architecture = IsPretrained ? Sla.Architecture.Auto : Sla.Architecture.Parse(Architecture),
        BackboneTraining = IsPretrained ? BackboneTraining.Frozen : BackboneTraining.Full,
        Precision = IsPretrained ? Precision.Float32 : Precision.Auto,
        Similarity = Similarity is null ? PrototypeSimilarity.SquaredEuclidean : Enum.Parse<PrototypeSimilarity>(Similarity, ignoreCase: true),
        Augmentations = Augmentation.Parse(Augment, CropPadding),
        Episodes = Episodes,
        Ways = Ways,
        Shots = Shots,
        Queries = Queries,
        LearningRateSchedule = LearningRateSchedule.Cosine,
        WeightDecay = WeightDecay,
        Seed = Seed,
        Threads = 1,
    };

    private (int Ways, int Shots)[] Sizes() =>
        [.. EvaluationSizes.Split(',').Select(size => size.Split('x').Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToArray()).Select(size => (size[0], size[1]))];

    /// <summary>Rows of the classes to train on, and of those to measure; the keys of the two are each of their own.</summary>
    private (MLContext MLContext, IDataView Training, IDataView Test) Read(Arguments arguments)
    {
        string[] held = EvaluationClasses.Split(',');
        if (Data is Clothes or Grocery)
        {
            var photos = OfFolder(Data == Clothes ? arguments.Clothes : arguments.Grocery, held);
            var mlContext = new MLContext(Seed);
            return (mlContext, Photos(mlContext, photos.Training), Photos(mlContext, photos.Test));
        }

        var (training, test) = Data == Cifar ? OfFolder(arguments.Cifar, held) : OfOmniglot(arguments, held);
        var trained = Images.OfFiles(Seed, training, []);
        return (trained.MLContext, trained.Training, Images.OfFiles(Seed, test, []).Training);
    }

    private IDataView Photos(MLContext mlContext, IEnumerable<ImageFile> files)
    {
        var rows = mlContext.Data.LoadFromEnumerable(files.ToArray());
        return mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadUprightImages(Images.Column, nameof(ImageFile.ImagePath), decodeSide: 2 * Side!.Value)).Fit(rows).Transform(rows);
    }

    private (IEnumerable<ImageFile> Training, IEnumerable<ImageFile> Test) OfFolder(string folder, string[] held)
    {
        var classes = ImageFiles.OfHalf(folder, "train");
        return (
            classes.Where(files => !held.Contains(files[0].Label)).SelectMany(files => files.Take(ImagesPerClass ?? files.Length)),
            classes.Where(files => held.Contains(files[0].Label)).SelectMany(files => files.Take(EvaluationImagesPerClass ?? files.Length)));
    }

    private static (IEnumerable<ImageFile> Training, IEnumerable<ImageFile> Test) OfOmniglot(Arguments arguments, string[] held) =>
        (Characters(ImageFiles.Omniglot(arguments, set: 1)), Characters(ImageFiles.Omniglot(arguments, set: 2).Where(drawing => held.Contains(drawing.Alphabet))));

    private static IEnumerable<ImageFile> Characters(IEnumerable<(string Path, string Alphabet, string Character)> drawings) =>
        drawings.Select(drawing => new ImageFile(drawing.Path, $"{drawing.Alphabet}/{drawing.Character}"));

    private int[] Correct(EpisodeMean accuracy, int ways) => [.. accuracy.Values.Select(value => (int)Math.Round(value * ways * EvaluationQueries))];
}

/// <summary>An embedding and what it gave.</summary>
/// <param name="Run">What was trained.</param>
/// <param name="Architecture">What the backbone calls itself.</param>
/// <param name="Seconds">Time of the training, with the reading of the images.</param>
/// <param name="Sizes">What it gets right of the episodes of each size.</param>
internal sealed record FewShotLine(FewShotRun Run, string Architecture, double Seconds, IReadOnlyList<EpisodeScores> Sizes);

/// <summary>What an embedding gets right of the episodes of one size.</summary>
/// <param name="Ways">Classes in an episode.</param>
/// <param name="Shots">Images of a class that its prototype is made of.</param>
/// <param name="Queries">Images of a class that are classified.</param>
/// <param name="Single">Correct queries of each episode, from the image alone.</param>
/// <param name="Aggregated">The same from all views.</param>
internal sealed record EpisodeScores(int Ways, int Shots, int Queries, int[] Single, int[] Aggregated)
{
    /// <summary>The accuracies of the episodes.</summary>
    public IEnumerable<double> Accuracies(SlaInference inference) =>
        (inference == SlaInference.Single ? Single : Aggregated).Select(correct => (double)correct / (Ways * Queries));
}
