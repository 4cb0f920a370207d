using System.CommandLine;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>The options of a training on the command line, and their conversion to the library's options.</summary>
internal sealed class TrainingOptions
{
    /// <summary>The option of the highest learning rate.</summary>
    public const string LearningRateName = "--learning-rate";

    private const int ManyImages = 10_000;
    private readonly ImageOptions _images = new();
    private readonly ValueOption<SlaObjective> _objective = ValueOption.Choice("--objective", "What the network is trained to minimise", OptionNames.Objectives);

    private readonly ValueOption<TransformationSet> _transformations = new(
        "--transformations",
        $"The views: {string.Join(", ", TransformationSet.Named.Select(set => set.Name))}, or two joined by +, such as rotation+color3. Default rotation.",
        TransformationSet.Rotation,
        TransformationSet.Parse)
    {
        HelpName = "SET",
    };

    private readonly ValueOption<int?> _viewsPerStep = ValueOption.Number("--views-per-step", "N", "Number of views of an image in a step. Default 2, or 1 if the set has only one.", least: 1);
    private readonly ValueOption<SlaInference?> _inference = SharedOptions.Inference();
    private readonly ValueOption<Architecture> _architecture = new(
        "--architecture",
        $"The network: {string.Join(", ", Architecture.NamePatterns)}. Default auto.",
        Architecture.Auto,
        Architecture.Parse)
    {
        HelpName = "NAME",
    };

    private readonly ValueOption<int?> _imageSize = ValueOption.Number("--image-size", "N", "Width and height to which images are resized. Default: that of the images, at most 64.", least: 16);
    private readonly ValueOption<int?> _epochs = ValueOption.Number("--epochs", "N", "Number of passes over all images. Default: as many as show 100,000 images, but 10 to 60.", least: 1);
    private readonly ValueOption<int?> _batchSize = ValueOption.Number("--batch-size", "N", "Images in a step. Default 64, or 128 for 10,000 images or more.", least: 1);
    private readonly ValueOption<double?> _learningRate = ValueOption.Number(LearningRateName, "X", "Highest learning rate of the one-cycle schedule. Default 0.1, or 0.01 with pretrained weights.", least: 1e-9);
    private readonly ValueOption<int?> _seed = ValueOption.Number("--seed", "N", "The same seed, images, options and threads give the same model. Default 1.", least: 0);
    private readonly ValueOption<int?> _threads = ValueOption.Number("--threads", "N", "Threads of the processor. Default: all.", least: 1);
    private readonly ValueOption<SlaDevice> _device = ValueOption.Choice("--device", "Where to train", ("auto", SlaDevice.Auto), ("cpu", SlaDevice.Cpu), ("cuda", SlaDevice.Cuda));
    private readonly ValueOption<Precision> _precision = ValueOption.Choice(
        "--precision", "The number format in which the network computes", ("auto", Precision.Auto), ("float32", Precision.Float32), ("bfloat16", Precision.BFloat16), ("int8", Precision.Int8));

    private readonly ValueOption<IReadOnlyList<ImageAugmentation>> _augment = new(
        "--augment",
        $"Random changes of training images, joined by commas: none, {string.Join(", ", ImageAugmentation.Names)}. Default crop,flip; leave flip out for digits and letters.",
        ImageAugmentation.Parse("crop,flip"),
        ImageAugmentation.Parse)
    {
        HelpName = "LIST",
    };

    private readonly ValueOption<ClassificationLoss> _loss = ValueOption.Choice(
        "--loss",
        "The loss of a class",
        ("cross-entropy", ClassificationLoss.CrossEntropy),
        ("focal", ClassificationLoss.Focal()),
        ("ldam", ClassificationLoss.Ldam()));

    private readonly ValueOption<ClassWeighting> _classWeighting = ValueOption.Choice(
        "--class-weighting",
        "The weights of images in the loss, by the size of their class",
        ("none", ClassWeighting.None),
        ("inverse", ClassWeighting.InverseFrequency),
        ("balanced", ClassWeighting.ClassBalanced()));

    private readonly ValueOption<double?> _deferWeighting = ValueOption.Number(
        "--defer-weighting", "SHARE", "Share of the steps after which --class-weighting begins, such as 0.8. Default: from the first step.", least: 0.0);

    private readonly Option<bool> _balancedSampling = new("--balanced-sampling") { Description = "Show all classes equally often, regardless of their numbers of images." };
    private readonly Option<string?> _pretrained = new("--pretrained") { Description = "Weights to start from: safetensors, ONNX, or a saved model.", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        AddAllButEpochsTo(command);
        command.Options.Add(_epochs);
    }

    public void AddAllButEpochsTo(Command command)
    {
        IEnumerable<Option> all =
        [
            .. _images.All, _objective, _transformations, _viewsPerStep, _inference, _architecture, _imageSize, _batchSize, _learningRate,
            _seed, _threads, _device, _precision, _augment, _loss, _classWeighting, _deferWeighting, _balancedSampling, _pretrained,
        ];
        foreach (var option in all)
            command.Options.Add(option);
    }

    public int? Epochs(ParseResult parsed) => _epochs.Of(parsed);

    public int? BatchSize(ParseResult parsed) => _batchSize.Of(parsed);

    public double? LearningRate(ParseResult parsed) => _learningRate.Of(parsed);

    /// <summary>Whether the command line says which network is trained, or from which weights.</summary>
    public bool NamesNetwork(ParseResult parsed) => parsed.GetResult(_architecture) is { Implicit: false } || parsed.GetValue(_pretrained) is not null;

    /// <summary>Whether the command line says what is learned, or how the model scores.</summary>
    public bool NamesObjective(ParseResult parsed) => parsed.GetResult(_objective) is { Implicit: false } || parsed.GetResult(_inference) is { Implicit: false };

    public bool SkipsUnreadable(ParseResult parsed) => _images.SkipsUnreadable(parsed);

    public int? ImageSide(ParseResult parsed) => _imageSize.Of(parsed);

    public int? ViewsPerStep(ParseResult parsed) => _viewsPerStep.Of(parsed);

    /// <summary>Notes the files and folders that are named among what the command reads.</summary>
    public void AddTo(FileRoles roles, ParseResult parsed)
    {
        _images.AddTo(roles, parsed);
        roles.Read(_pretrained.Name, parsed.GetValue(_pretrained));
    }

    /// <param name="parsed">The command line.</param>
    /// <param name="roles">What the command reads and writes; the images are noted in it.</param>
    /// <exception cref="InputException">The images are missing, given twice, of one class, cannot be used, or are written to.</exception>
    public ImageSet ReadImages(ParseResult parsed, FileRoles roles)
    {
        var images = _images.Read(parsed, roles);
        if (SkipsUnreadable(parsed))
            images = images.WithoutUnreadableImages();
        switch (images.Classes)
        {
            case [var only]:
                throw new InputException($"All images in '{images.Source}' that can be used are of one class, '{only}'. A training needs two or more classes, each in a separate folder.");
        }

        images.NoteDoubts();
        return images;
    }

    /// <summary>The library's options.</summary>
    public SlaTrainer.Options For(ParseResult parsed, ImageSet images)
    {
        var survey = images.Survey();
        int side = _imageSize.Of(parsed) ?? survey.Side();
        var transformations = _transformations.Of(parsed);
        string? pretrained = parsed.GetValue(_pretrained);
        return new SlaTrainer.Options
        {
            FeatureColumnName = Pipeline.ImageColumn,
            ImageWidth = side,
            ImageHeight = side,
            Channels = survey.AreGrey ? 1 : 3,
            Objective = _objective.Of(parsed),
            Transformations = transformations,
            ViewsPerStep = _viewsPerStep.Of(parsed) ?? RecommendedOptions.ViewsPerStep(transformations),
            Inference = _inference.Of(parsed),
            Architecture = _architecture.Of(parsed),
            Epochs = _epochs.Of(parsed) ?? Math.Clamp(100_000 / images.Images.Count, 10, 60),
            BatchSize = _batchSize.Of(parsed) ?? (images.Images.Count < ManyImages ? 64 : 128),
            LearningRate = _learningRate.Of(parsed) ?? (pretrained is null ? 0.1 : 0.01),
            LearningRateSchedule = RecommendedOptions.Schedule,
            WeightDecay = 5e-4,
            Seed = _seed.Of(parsed) ?? 1,
            Threads = _threads.Of(parsed),
            Device = _device.Of(parsed),
            Precision = _precision.Of(parsed),
            Augmentations = _augment.Of(parsed),
            ClassificationLoss = _loss.Of(parsed),
            ClassWeighting = _classWeighting.Of(parsed),
            DeferredReweighting = _deferWeighting.Of(parsed),
            BalancedSampling = parsed.GetValue(_balancedSampling),
            PretrainedPath = pretrained,
            OnUnreadableImage = SkipsUnreadable(parsed) ? UnreadableImageHandling.Skip : UnreadableImageHandling.Fail,
        };
    }
}
