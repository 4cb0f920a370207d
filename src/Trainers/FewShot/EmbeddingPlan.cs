using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using TorchSharp;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>The rows, network and objective of the training of an embedding, decided from options and data.</summary>
internal sealed class EmbeddingPlan
{
    /// <summary>Reads the rows.</summary>
    /// <param name="host">The trainer's host.</param>
    /// <param name="options">The trainer's options.</param>
    /// <param name="channel">The log.</param>
    /// <param name="input">The training rows.</param>
    /// <exception cref="ArgumentException">A column is missing or has the wrong type.</exception>
    /// <exception cref="InvalidOperationException">
    /// A row cannot be used, there are too few classes or images of a class, or the network cannot be trained as the options ask for.
    /// </exception>
    public EmbeddingPlan(TrainerHost host, SlaFewShotTrainer.Options options, IChannel channel, IDataView input)
    {
        (Host, Options) = (host, options);
        ArgumentNullException.ThrowIfNull(input);
        TrainerSchema.Check(MLNetInternals.ShapeOf(input.Schema), options.LabelColumnName, options.FeatureColumnName);
        host.CheckCancellation();
        TorchLibrary.EnsureLoaded();

        var labels = ClassLabels.Of(input.Schema[options.LabelColumnName]);
        var features = host.Features(input);
        var transformations = options.LearnedTransformations;
        host.CheckImages(transformations, features.Shape);
        Pretrained = options.PretrainedPath is null ? null : PretrainedWeights.Read(options.PretrainedPath);
        Device = host.ChooseDevice();
        if (!IsFrozen)
            CheckTrainable(features.Shape);

        Episode = new EpisodeShape(options.Ways, options.Shots, options.Queries);
        Objective = new PrototypicalObjective(options.Objective, Episode, transformations.Count, options.Similarity);
        (Rows, Unreadable) = host.ReadRows(channel, input, labels, features, host.PixelMemory, rows => Check(rows, labels));
        Check(Rows.Labels, labels);

        var (architecture, reason) = host.ChooseArchitecture(Pretrained?.Architecture, features.Shape, Rows.Rows.Length, Device);
        if (reason is not null)
            TrainerHost.Info(channel, reason);
        Description = Describe(architecture, features);
    }

    public TrainerHost Host { get; }

    public SlaFewShotTrainer.Options Options { get; }

    /// <summary>The weights to start from; null for none.</summary>
    public PretrainedWeights? Pretrained { get; }

    public torch.Device Device { get; }

    /// <summary>The size of an episode.</summary>
    public EpisodeShape Episode { get; }

    public PrototypicalObjective Objective { get; }

    public RowSelection Rows { get; }

    /// <summary>Number of rows left out because their image cannot be read.</summary>
    public int Unreadable { get; }

    /// <summary>What the learned factor on similarities starts from.</summary>
    public double InitialScale => Options.InitialScale ?? (Options.Similarity == PrototypeSimilarity.Cosine ? EmbeddingModel.InitialScaleOfCosine : 1);

    /// <summary>The description of the embedding that the training makes, with the initial scale.</summary>
    public EmbeddingDescription Description { get; }

    /// <summary>Whether the backbone stays as it is.</summary>
    public bool IsFrozen => Options.BackboneTraining == BackboneTraining.Frozen;

    /// <summary>What observers receive before the first step.</summary>
    public TrainingStarted Started(int epochs, long steps) => new()
    {
        Architecture = Description.Architecture,
        Objective = $"{Description.Objective}",
        Transformations = Description.Transformations,
        ImageShape = Description.Features.Shape,
        Classes = Rows.Labels.Distinct().Count(),
        Images = Rows.Rows.Length,
        Epochs = epochs,
        Steps = steps,
    };

    /// <summary>The plan in a line for the log.</summary>
    /// <param name="precision">The number format in which the backbone computes.</param>
    public string InWords(torch.ScalarType precision) =>
        $"{Description.Architecture}, {Description.Architecture.Cost(Description.Features.Shape)}; objective {Options.Objective}, {Options.Similarity}; "
        + $"transformations {Description.Transformations}; {Options.Episodes} episodes of {Episode.Ways} ways, {Episode.Shots} shots and {Episode.Queries} queries; "
        + $"device {Device.type}; precision {precision}; seed {Host.Seed}";

    /// <summary>Makes the module of a network out of a file once, so that one that cannot be trained is an error before any image is read.</summary>
    /// <exception cref="InvalidOperationException">Torch training has no form of a node; the message says that Frozen works.</exception>
    private void CheckTrainable(ImageShape shape)
    {
        if (Options.Architecture.InitialWeights is not null)
            Options.Architecture.Choose(shape, images: 0, gpu: false).Chosen.Create(shape, new Random(Host.Seed)).Dispose();
    }

    private void Check(IEnumerable<int> rows, ClassLabels labels) => Episode.Check(rows, labels.Names, Objective.WaysPerClass);

    private EmbeddingDescription Describe(Architecture architecture, FeatureColumn features) => new(
        Options.Objective,
        Options.Similarity,
        (float)InitialScale,
        architecture,
        Options.LearnedTransformations,
        features,
        Options.Normalization ?? Pretrained?.Normalization ?? architecture.InitialNormalization ?? PixelNormalization.MinusOneToOne,
        Options.EmbeddingColumnName,
        NetworkDescription.CurrentVersion);
}
