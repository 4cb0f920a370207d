using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.FewShot;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using TorchSharp;

namespace Microsoft.ML.Sla;

public sealed partial class SlaFewShotTrainer
{
    /// <summary>A call of Fit: the rows, the network, and what trains it.</summary>
    private sealed class Session : IDisposable
    {
        private const double InitialScaleOfCosine = 10;

        private readonly TrainerHost _host;
        private readonly Options _options;
        private readonly IChannel _channel;
        private readonly EpisodeShape _episode;
        private readonly RowSelection _training;
        private readonly int _unreadable;
        private readonly int _classes;
        private readonly EmbeddingDescription _description;
        private readonly TrainingSettings _settings;
        private readonly SlaNetwork _network;
        private readonly ViewAugmenter _views;
        private readonly BatchLoader _loader;
        private readonly TrainingStep _step;
        private readonly TrainingLoop _loop;

        public Session(SlaFewShotTrainer trainer, IChannel channel, IDataView input)
        {
            _host = trainer._host;
            _options = trainer._options;
            _channel = channel;
            ArgumentNullException.ThrowIfNull(input);
            TrainerSchema.Check(MLNetInternals.ShapeOf(input.Schema), _options.LabelColumnName, _options.FeatureColumnName);
            _host.CheckCancellation();
            TorchLibrary.EnsureLoaded();

            var labels = ClassLabels.Of(input.Schema[_options.LabelColumnName]);
            var features = _host.Features(input);
            _host.CheckImages(trainer.Transformations, features.Shape);

            var pretrained = _options.PretrainedPath is null ? null : PretrainedWeights.Read(_options.PretrainedPath);
            var device = _host.ChooseDevice();
            _episode = new EpisodeShape(_options.Ways, _options.Shots, _options.Queries);
            var objective = new PrototypicalObjective(_options.Objective, _episode, trainer.Transformations.Count, _options.Similarity);
            (_training, _unreadable) = _host.ReadRows(channel, input, labels, features, _host.PixelMemory, rows => Check(rows, labels, objective));
            Check(_training.Rows.Select(_training.Store.Label), labels, objective);
            _classes = _training.Rows.Select(_training.Store.Label).Distinct().Count();

            var architecture = _host.ChooseArchitecture(channel, pretrained?.Architecture, features.Shape, _training.Rows.Length, device);
            _description = Describe(trainer.Transformations, architecture, pretrained?.Normalization, features);
            var sampler = new EpisodeSampler(_training, _episode, objective.WaysPerClass, _options.Episodes, _host.Seed);
            _settings = Settings(sampler.Epochs, objective.ViewsPerStep, _host.ChooseComputeType(device, architecture));
            _network = new SlaNetwork(architecture, features.Shape, heads: [], _host.Seed, InitialScale);
            if (pretrained is not null)
                TrainerHost.Info(channel, pretrained.LoadInto(_network));
            _network.to(device);
            _views = new ViewAugmenter(trainer.Transformations, features.Shape, device);
            _loader = new BatchLoader(features.Shape, _description.Normalization, device);
            _step = new TrainingStep(_network, objective, _views, _loader, _settings);
            _loop = new TrainingLoop(_network, _step, sampler, _settings);

            _host.WarnOfMirrors(channel, trainer.Transformations, features.Shape);
            TrainerHost.Info(channel, $"{architecture}, {architecture.Cost(features.Shape)}; objective {_options.Objective}, {_options.Similarity}; "
                + $"transformations {trainer.Transformations}; {_loop.Steps} episodes of {_episode.Ways} ways, {_episode.Shots} shots and {_episode.Queries} queries; "
                + $"device {device.type}; precision {_settings.ComputeType}; seed {_host.Seed}");
        }

        private double InitialScale => _options.InitialScale ?? (_options.Similarity == PrototypeSimilarity.Cosine ? InitialScaleOfCosine : 1);

        public EmbeddingModel Train()
        {
            var history = new CheckpointedRun(_host, _options, _channel, _loop, Identity()).Run(Plan(), _unreadable, validate: null);
            using var scale = _network.Heads.Scale();
            return new EmbeddingModel(_description with { History = history, Scale = scale.item<float>() }, _loop.Result());
        }

        public void Dispose()
        {
            _loop.Dispose();
            _step.Dispose();
            _loader.Dispose();
            _views.Dispose();
            _network.Dispose();
        }

        private void Check(IEnumerable<int> rows, ClassLabels labels, PrototypicalObjective objective) =>
            _episode.Check(rows, labels.Names, objective.WaysPerClass);

        private EmbeddingDescription Describe(
            TransformationSet transformations, Architecture architecture, PixelNormalization? initial, FeatureColumn features) => new(
            _options.Objective,
            _options.Similarity,
            (float)InitialScale,
            architecture,
            transformations,
            features,
            _options.Normalization ?? initial ?? PixelNormalization.MinusOneToOne,
            _options.EmbeddingColumnName,
            typeof(SlaFewShotTrainer).Assembly.GetName().Version!.ToString(3));

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

        private TrainingStarted Plan() => new(
            _description.Architecture,
            $"{_description.Objective}",
            _description.Transformations,
            _description.Features.Shape,
            _classes,
            _training.Rows.Length,
            ValidationImages: 0,
            _settings.Epochs,
            _loop.Steps,
            FirstStep: 0,
            CheckpointPath: "");

        private RunIdentity Identity() => _host.Identity(
            _training,
            others: null,
            _description,
            _settings,
            ("Objective", FormattableString.Invariant($"{_description.Objective}, {_description.Similarity}, initial scale {_description.Scale}")),
            ("Episodes", $"{_options.Episodes} of {_episode}"));
    }
}
