using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;
using TorchSharp;

namespace Microsoft.ML.Sla.Classification;

/// <summary>The network, settings and number of steps of a training, decided from options and rows. It makes no network.</summary>
internal sealed class ClassifierPlan
{
    /// <param name="host">The trainer's host.</param>
    /// <param name="options">The trainer's options.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="pretrained">The weights to start from; null for none.</param>
    /// <param name="initialModel">The model to start from; null for none.</param>
    /// <param name="tail">The rest of the schedule, if a search changed the number of epochs during the training; otherwise null.</param>
    /// <exception cref="InvalidOperationException">The options ask for a GPU that is missing, or for a precision that the network does not support.</exception>
    public ClassifierPlan(
        TrainerHost host, SlaTrainer.Options options, TrainingRows rows, PretrainedWeights? pretrained, SlaTransformer? initialModel, ScheduleTail? tail)
    {
        (Host, Options, Rows, Pretrained, InitialModel) = (host, options, rows, pretrained, initialModel);
        Device = host.ChooseDevice();
        (var architecture, ArchitectureReason) = host.ChooseArchitecture(
            initialModel?.Architecture ?? pretrained?.Architecture, rows.Features.Shape, rows.Training.Rows.Length, Device);
        Description = Describe(architecture, initialModel?.Model.Description.Normalization ?? pretrained?.Normalization);
        Settings = NewSettings(host.ChooseComputeType(Device, architecture), tail);
        Objective = SlaObjectives.Create(
            Options.Objective, rows.Labels.Count, Description.Transformations.Count, Description.ObjectiveSettings);
        Sampler = new EpochSampler(rows.Training, Settings);
    }

    public TrainerHost Host { get; }

    /// <summary>The clock of a training by time, which started with Fit; null for one by epochs.</summary>
    public TrainingClock? Clock { get; init; }

    public SlaTrainer.Options Options { get; }

    public TrainingRows Rows { get; }

    public PretrainedWeights? Pretrained { get; }

    public SlaTransformer? InitialModel { get; }

    public torch.Device Device { get; }

    /// <summary>The description of the model that the training makes.</summary>
    public ModelDescription Description { get; private init; }

    /// <summary>The ranges of values in the backbone if it computes in 8 bits; null otherwise.</summary>
    public float[]? Int8Ranges
    {
        get => Description.Int8Ranges;
        init => Description = Description with { Int8Ranges = value };
    }

    /// <summary>The reason for the choice of the network; null if there was no choice.</summary>
    public string? ArchitectureReason { get; }

    public TrainingSettings Settings { get; }

    public Objective Objective { get; }

    public Sampler Sampler { get; }

    public Architecture Architecture => Description.Architecture;

    /// <summary>How images are scored.</summary>
    public SlaInference Inference => Options.Inference ?? Objective.Inferences[0].Inference;

    /// <summary>Whether the base augmentation mirrors images, which says that a mirror image keeps its class.</summary>
    public bool MirrorsImages => Options.Augmentations.Any(augmentation => augmentation is Augmentation.HorizontalFlip);

    /// <summary>The settings and data that two runs must share to be the same run.</summary>
    public RunIdentity Identity => Host.Identity(
        Rows.Training,
        Rows.Validation,
        Description,
        Settings,
        [
            ("Classes", string.Join(", ", Description.Labels.Names)),
            ("Objective", $"{Description.Objective}"),
            .. Description.ObjectiveSettings.Identity(),
        ]);

    /// <summary>What observers receive before the first step.</summary>
    public TrainingStarted Started() => new()
    {
        Architecture = Architecture,
        Objective = $"{Description.Objective}",
        Transformations = Description.Transformations,
        ImageShape = Description.Features.Shape,
        Classes = Description.Labels.Count,
        Images = Rows.Training.Rows.Length,
        ValidationImages = Rows.Validation?.Rows.Length ?? 0,
        Epochs = Options.TrainingTime is null ? Options.Epochs : 0,
        Steps = Options.TrainingTime is null ? Sampler.Steps : 0,
        TrainingTime = Options.TrainingTime,
        ValidationRows = [.. Rows.Validation?.Rows.Select(Rows.Validation.Store.Position) ?? []],
    };

    /// <summary>The plan of the same training with other options.</summary>
    /// <param name="change">Changes a copy of the options.</param>
    public ClassifierPlan With(Action<SlaTrainer.Options> change)
    {
        var options = Options.Clone();
        change(options);
        return Copy(options, Int8Ranges);
    }

    /// <summary>The plan that goes on with a model, under the objective of its plan.</summary>
    /// <param name="plan">The plan of the model.</param>
    /// <param name="model">The model.</param>
    public ClassifierPlan After(ClassifierPlan plan, SlaTransformer model)
    {
        var options = Options.Clone();
        (options.Objective, options.Transformations, options.Inference) = (plan.Options.Objective, plan.Options.Transformations, plan.Options.Inference);

        // The heads have learned to tell the views apart.
        if (TrainerHost.MirrorsViews(options.Augmentations, plan.Description.Transformations, plan.Description.Features.Shape))
            options.Augmentations = [.. options.Augmentations.Where(augmentation => augmentation is not Augmentation.HorizontalFlip)];

        // A distilled head learns from two views of an image. Half as many images take no more memory and time.
        if (plan.Objective.NeedsIdentity && plan.Objective.Views > 1 && options.LearnedViewsPerStep == 1)
            (options.ViewsPerStep, options.BatchSize) = (2, Math.Max(1, options.BatchSize / 2));
        return new(Host, options, Rows, pretrained: null, model, Settings.Tail) { Clock = Clock };
    }

    /// <summary>The plan of the same training with a frozen backbone in the precision of the options.</summary>
    public ClassifierPlan WithFrozenPrecision() => !Host.ComputesInInt8(Architecture)
        ? this
        : WithInt8Ranges(BackboneRanges.Measure(Description, BackboneWeights(), Rows.Training, Host));

    /// <summary>The plan of the same training with a frozen backbone in 8 bits.</summary>
    /// <param name="ranges">The ranges of values in the backbone.</param>
    public ClassifierPlan WithInt8Ranges(float[] ranges) => Copy(Options, ranges);

    /// <summary>The weights of the pretrained backbone, from its ONNX file, the initial model or the file of pretrained weights.</summary>
    /// <exception cref="InvalidOperationException">The backbone is not pretrained.</exception>
    public Weights BackboneWeights()
    {
        if (Architecture.InitialWeights is { } ofFile)
            return new Weights(ofFile);
        if (InitialModel is { } initial)
            return new Weights(initial.Model.Weights.Where(tensor => SlaNetwork.IsOfBackbone(tensor.Name)));
        if (Pretrained is null)
        {
            throw new InvalidOperationException(
                "The option BackboneTraining is Frozen, and the backbone is not pretrained. Set Architecture to Architecture.PretrainedResNet18() or "
                + "Architecture.FromOnnx(path), or PretrainedPath to weights, or call Fit with an initial model.");
        }

        return Pretrained.BackboneOf(Architecture, Description.Features.Shape, Host.Seed);
    }

    /// <summary>The plan in a line for the log.</summary>
    public override string ToString()
    {
        var transformations = Description.Transformations;
        string drawn = Settings.ViewsPerStep < Objective.Views ? $", {Settings.ViewsPerStep} of them drawn for each image and step" : "";
        return $"{Architecture}, {Architecture.Cost(Description.Features.Shape)}; objective {Description.Objective}; transformations {transformations}{drawn}; "
            + $"{(Options.TrainingTime is { } time ? $"{time}, in" : $"{Sampler.Steps}")} steps of {Sampler.BatchSize} images; device {Device.type}; precision {Precision}; seed {Host.Seed}";
    }

    private ClassifierPlan Copy(SlaTrainer.Options options, float[]? int8Ranges) =>
        new(Host, options, Rows, Pretrained, InitialModel, Settings.Tail) { Clock = Clock, Int8Ranges = int8Ranges };

    private torch.ScalarType Precision => Int8Ranges is not null
        ? torch.ScalarType.Int8
        : Options.BackboneTraining == BackboneTraining.Frozen ? torch.ScalarType.Float32 : Settings.ComputeType;

    private ModelDescription Describe(Architecture architecture, PixelNormalization? initial) => new(
        Options.Objective,
        new ObjectiveSettings(Options.Temperature, Options.Beta, Options.LossReduction, Options.LabelSmoothing)
        {
            ClassificationLoss = Options.ClassificationLoss,
            ClassWeighting = Options.ClassWeighting,
            ClassCounts = Rows.Training.CountByClass(Rows.Labels.Count),
        },
        architecture,
        Options.LearnedTransformations,
        Rows.Features,
        Options.Normalization ?? initial ?? architecture.InitialNormalization ?? PixelNormalization.MinusOneToOne,
        Rows.Labels,
        Options.ScoreColumnName,
        Options.PredictedLabelColumnName,
        Options.ViewScoresColumnName,
        NetworkDescription.CurrentVersion)
    {
        ConfidenceColumn = Options.ConfidenceColumnName,
    };

    private TrainingSettings NewSettings(torch.ScalarType computeType, ScheduleTail? tail) => new(
        Options.Epochs,
        Options.BatchSize,
        Options.LearnedViewsPerStep,
        Options.LearningRate,
        Options.LearningRateSchedule,
        Options.Momentum,
        Options.WeightDecay,
        Options.Augmentations,
        Host.Seed)
    {
        ComputeType = computeType,
        GradientAccumulation = Options.GradientAccumulation,
        GradientClipping = Options.GradientClipping,
        WeightAveraging = Options.WeightAveraging,
        FrozenEpochs = Options.FrozenEpochs,
        LayerRateDecay = Options.LayerRateDecay,
        FrozenStatistics = Options.FrozenStatistics,
        DeferredReweighting = Options.DeferredReweighting,
        BalancedSampling = Options.BalancedSampling,
        EarlyStopping = Options.EarlyStopping,
        KeepBest = Options.KeepBest,
        TrainingTime = Options.TrainingTime,
        Tail = tail,
    };
}
