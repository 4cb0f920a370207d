using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using TorchSharp;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>The training of an embedding by episodes.</summary>
internal sealed class EmbeddingTraining : IDisposable
{
    private readonly TrainerHost _host;
    private readonly SlaFewShotTrainer.Options _options;
    private readonly IChannel _channel;
    private readonly EpisodeShape _episode;
    private readonly RowSelection _rows;
    private readonly int _unreadable;
    private readonly EmbeddingDescription _description;
    private readonly TrainingSettings _settings;
    private readonly NetworkTraining _training;

    /// <summary>Reads the rows, and makes the network and the parts that train it.</summary>
    /// <param name="host">The trainer's host.</param>
    /// <param name="options">The trainer's options.</param>
    /// <param name="channel">The log.</param>
    /// <param name="input">The training rows.</param>
    public EmbeddingTraining(TrainerHost host, SlaFewShotTrainer.Options options, IChannel channel, IDataView input)
    {
        (_host, _options, _channel) = (host, options, channel);
        ArgumentNullException.ThrowIfNull(input);
        TrainerSchema.Check(MLNetInternals.ShapeOf(input.Schema), options.LabelColumnName, options.FeatureColumnName);
        host.CheckCancellation();
        TorchLibrary.EnsureLoaded();

        var labels = ClassLabels.Of(input.Schema[options.LabelColumnName]);
        var features = host.Features(input);
        var transformations = options.LearnedTransformations;
        host.CheckImages(transformations, features.Shape);

        var pretrained = options.PretrainedPath is null ? null : PretrainedWeights.Read(options.PretrainedPath);
        var device = host.ChooseDevice();
        _episode = new EpisodeShape(options.Ways, options.Shots, options.Queries);
        var objective = new PrototypicalObjective(options.Objective, _episode, transformations.Count, options.Similarity);
        (_rows, _unreadable) = host.ReadRows(channel, input, labels, features, host.PixelMemory, rows => Check(rows, labels, objective));
        Check(_rows.Rows.Select(_rows.Store.Label), labels, objective);

        var (architecture, reason) = host.ChooseArchitecture(pretrained?.Architecture, features.Shape, _rows.Rows.Length, device);
        if (reason is not null)
            TrainerHost.Info(channel, reason);
        _description = Describe(architecture, pretrained?.Normalization, features);
        var sampler = new EpisodeSampler(_rows, _episode, objective.WaysPerClass, options.Episodes, host.Seed);
        _settings = Settings(sampler.Epochs, objective.ViewsPerStep, host.ChooseComputeType(device, architecture));
        var network = new SlaNetwork(architecture, features.Shape, heads: [], host.Seed, InitialScale);
        if (pretrained is not null)
            TrainerHost.Info(channel, pretrained.LoadInto(network));
        _training = new NetworkTraining(host, network, objective, _description, sampler, _settings, device);

        host.WarnOfMirrors(channel, transformations, features.Shape);
        TrainerHost.Info(channel, $"{architecture}, {architecture.Cost(features.Shape)}; objective {options.Objective}, {options.Similarity}; "
            + $"transformations {transformations}; {sampler.Steps} episodes of {_episode.Ways} ways, {_episode.Shots} shots and {_episode.Queries} queries; "
            + $"device {device.type}; precision {_settings.ComputeType}; seed {host.Seed}");
    }

    private double InitialScale => _options.InitialScale ?? (_options.Similarity == PrototypeSimilarity.Cosine ? EmbeddingModel.InitialScaleOfCosine : 1);

    /// <summary>Trains to the end.</summary>
    public EmbeddingModel Train()
    {
        var history = _training.Run(_options, _channel, Identity(), Started(), _unreadable);
        using var scale = _training.Network.Heads.Scale();
        return new EmbeddingModel(_description with { History = history, Scale = scale.item<float>() }, _training.Loop.Result());
    }

    public void Dispose() => _training.Dispose();

    private void Check(IEnumerable<int> rows, ClassLabels labels, PrototypicalObjective objective) =>
        _episode.Check(rows, labels.Names, objective.WaysPerClass);

    private EmbeddingDescription Describe(Architecture architecture, PixelNormalization? initial, FeatureColumn features) => new(
        _options.Objective,
        _options.Similarity,
        (float)InitialScale,
        architecture,
        _options.LearnedTransformations,
        features,
        _options.Normalization ?? initial ?? PixelNormalization.MinusOneToOne,
        _options.EmbeddingColumnName,
        NetworkDescription.CurrentVersion);

    private TrainingSettings Settings(int epochs, int viewsPerStep, torch.ScalarType computeType) => new(
        epochs,
        _episode.Images,
        viewsPerStep,
        _options.LearningRate,
        _options.LearningRateSchedule,
        _options.Momentum,
        _options.WeightDecay,
        _options.Augmentations,
        _host.Seed)
    {
        ComputeType = computeType,
        GradientClipping = _options.GradientClipping,
    };

    private TrainingStarted Started() => new(
        _description.Architecture,
        $"{_description.Objective}",
        _description.Transformations,
        _description.Features.Shape,
        _rows.Rows.Select(_rows.Store.Label).Distinct().Count(),
        _rows.Rows.Length,
        ValidationImages: 0,
        _settings.Epochs,
        _training.Loop.Steps,
        FirstStep: 0,
        CheckpointPath: "");

    private RunIdentity Identity() => _host.Identity(
        _rows,
        others: null,
        _description,
        _settings,
        ("Objective", FormattableString.Invariant($"{_description.Objective}, {_description.Similarity}, initial scale {_description.Scale}")),
        ("Episodes", $"{_options.Episodes} of {_episode}"));
}
