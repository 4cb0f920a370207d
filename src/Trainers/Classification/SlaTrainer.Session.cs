using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using TorchSharp;

namespace Microsoft.ML.Sla;

public sealed partial class SlaTrainer
{
    /// <summary>A training: the rows, the network, and what trains it.</summary>
    internal sealed class Session : IDisposable
    {
        /// <summary>The largest class over the smallest from which on the log has a warning.</summary>
        private const int UnevenRatio = 5;

        /// <summary>
        /// How often an image should be trained on under each transformation for SLA to be ahead of the baseline, as docs/transformations.md
        /// found for networks that start from nothing.
        /// </summary>
        private const int EnoughViews = 20;

        private readonly TrainerHost _host;
        private readonly Options _options;
        private readonly IChannel _channel;
        private readonly TrainingRows _rows;
        private readonly bool _isFromNothing;
        private readonly ModelDescription _description;
        private readonly TrainingSettings _settings;
        private readonly Objective _objective;
        private readonly SlaNetwork _network;
        private readonly ViewAugmenter _views;
        private readonly BatchLoader _loader;
        private readonly TrainingStep _step;
        private readonly Sampler _sampler;
        private readonly TrainingLoop _loop;

        public Session(SlaTrainer trainer, IChannel channel, TrainingRows rows, PretrainedWeights? pretrained = null, SlaTransformer? initialModel = null)
        {
            _host = trainer._host;
            _options = trainer._options;
            _channel = channel;
            _rows = rows;
            _isFromNothing = pretrained is null && initialModel is null;
            var (labels, features) = (rows.Labels, rows.Features);
            var device = _host.ChooseDevice();
            var architecture = _host.ChooseArchitecture(
                channel, initialModel?.Architecture ?? pretrained?.Architecture, features.Shape, rows.Training.Rows.Length, device);
            _description = Describe(trainer.Transformations, architecture, initialModel?.Model.Description.Normalization ?? pretrained?.Normalization, labels, features);
            _settings = Settings(trainer, _host.ChooseComputeType(device, architecture));
            _objective = SlaObjectives.Create(
                _description.Objective, labels.Count, trainer.Transformations.Count, _description.ObjectiveSettings);
            _network = new SlaNetwork(_description.Architecture, features.Shape, _objective.Heads, _host.Seed);
            if (pretrained is not null)
                TrainerHost.Info(channel, pretrained.LoadInto(_network));
            if (initialModel is not null)
                StartFrom(initialModel.Model);
            _network.to(device);
            _views = new ViewAugmenter(trainer.Transformations, features.Shape, device);
            _loader = new BatchLoader(features.Shape, _description.Normalization, device);
            _step = new TrainingStep(_network, _objective, _views, _loader, _settings);
            _sampler = new EpochSampler(rows.Training, _settings);
            _loop = new TrainingLoop(_network, _step, _sampler, _settings);

            Identity = NewIdentity();
            _host.WarnOfMirrors(channel, trainer.Transformations, features.Shape);
            TrainerHost.Info(channel, $"{architecture}, {architecture.Cost(features.Shape)}; objective {_description.Objective}; "
                + $"transformations {trainer.Transformations}{(trainer.ViewsPerStep < _objective.Views ? $", {trainer.ViewsPerStep} of them drawn for each image and step" : "")}; {_loop.Steps} steps of {_sampler.BatchSize} images; device {device.type}; precision {_settings.ComputeType}; seed {_host.Seed}");
        }

        /// <summary>What makes two trainings the same one.</summary>
        public RunIdentity Identity { get; }

        /// <summary>Number of steps of the whole training.</summary>
        public long Steps => _loop.Steps;

        public long StepsDone => _loop.StepsDone;

        /// <summary>The network that is trained.</summary>
        public Architecture Architecture => _description.Architecture;

        /// <summary>How images are scored.</summary>
        public SlaInference Inference => _options.Inference ?? _objective.Inferences[0].Inference;

        /// <summary>The network as it is.</summary>
        public TrainedModel Model() => new(_description, _loop.Result());

        /// <summary>Tells the log where classes are uneven and nothing is set against it. A search does once what each training does.</summary>
        public void WarnOfUnevenClasses()
        {
            if (_options.BalancedSampling || _options.ClassWeighting is not NoWeighting || _options.ClassificationLoss.KnowsClassCounts)
                return;

            var counts = _description.ObjectiveSettings.ClassCounts.Zip(_description.Labels.Names).Where(entry => entry.First > 0).ToList();
            var (smallest, smallestName) = counts.MinBy(entry => entry.First);
            var (largest, largestName) = counts.MaxBy(entry => entry.First);
            if (largest < UnevenRatio * smallest)
                return;

            TrainerHost.Warn(_channel, string.Create(CultureInfo.InvariantCulture,
                $"The classes are uneven: '{largestName}' has {largest} training images, {(double)largest / smallest:F1} times as many as '{smallestName}', which has {smallest}. ")
                + "Small classes may hardly be learned. Try BalancedSampling = true, or ClassificationLoss = ClassificationLoss.Ldam() with "
                + "ClassWeighting = ClassWeighting.ClassBalanced() and DeferredReweighting = 0.8, and compare macro accuracy.");
        }

        /// <summary>Trains to the end, and measures after each epoch where there are validation rows.</summary>
        public TrainedModel Train()
        {
            WarnOfUnevenClasses();
            if (_isFromNothing)
                AdviseOnViews();
            var training = _rows.Validation is not null && _options.MeasureTrainingAccuracy ? _rows.Training.Spread(_rows.Validation.Rows.Length) : null;
            return Train(_rows.Validation is null ? null : Measure, end: null);

            EpochValidation Measure()
            {
                // An epoch is complete with its measurement: what stopped it in between would lose the epoch when it is taken up again.
                var scores = Score(_rows.Validation, () => { });
                return new EpochValidation(scores.Accuracy, scores.Loss, training is null ? null : Score(training, () => { }).Accuracy);
            }
        }

        /// <summary>Trains until so many steps are done, and measures nothing.</summary>
        public TrainedModel TrainUntil(long end) => Train(validate: null, end);

        /// <summary>Scores the validation rows with the weights that the training has come to.</summary>
        public RowScores ScoreValidation() => _host.Compute(() => _loop.Averaged(() => Score(_rows.Validation!, _host.CheckCancellation)));

        public LearningRateRange FindLearningRate(double lowest, double highest, int steps) =>
            WithSteps(lossOf => LearningRateRange.Measure(lowest, highest, steps, lossOf));

        /// <summary>Seconds that a step takes, measured for some time after the first step, which warms up. The network is spoilt by it.</summary>
        public double MeasureStep(TimeSpan time) => WithSteps(lossOf =>
        {
            lossOf(0, _options.LearningRate);
            var clock = Stopwatch.StartNew();
            int steps = 0;
            while (steps == 0 || clock.Elapsed < time)
                lossOf(++steps, _options.LearningRate);
            return clock.Elapsed.TotalSeconds / steps;
        });

        /// <summary>Images in a step.</summary>
        public int BatchSize => _sampler.BatchSize;

        public int StepsPerEpoch => _sampler.StepsPerEpoch;

        public void Dispose()
        {
            _loop.Dispose();
            _step.Dispose();
            _loader.Dispose();
            _views.Dispose();
            _network.Dispose();
        }

        private TrainedModel Train(Func<EpochValidation>? validate, long? end)
        {
            var history = new CheckpointedRun(_host, _options, _channel, _loop, Identity).Run(Plan(), _rows.Unreadable, validate, end);
            return new TrainedModel(_description with { History = history }, _loop.Result());
        }

        private RowScores Score(RowSelection rows, Action checkCancellation) =>
            new NetworkScorer(_network, _objective, _views, _loader).Score(rows, _objective.ReadoutOf(Inference), checkCancellation);

        /// <summary>Does something with steps that are no part of a run: step, counted from 0, and rate to the loss before it.</summary>
        private T WithSteps<T>(Func<Func<int, double, double>, T> function) => _host.Compute(() =>
        {
            ImageSequence? images = null;
            try
            {
                return function((step, rate) =>
                {
                    _host.CheckCancellation();
                    if (step % _sampler.StepsPerEpoch == 0)
                    {
                        images?.Dispose();
                        images = _rows.Training.Store.Open(_sampler.Rows(step / _sampler.StepsPerEpoch));
                    }

                    using var loss = _step.Run(images!, _sampler.BatchSize, rate, Seeds.ForStep(_host.Seed, step));
                    return loss.item<double>();
                });
            }
            finally
            {
                images?.Dispose();
            }
        });

        private ModelDescription Describe(
            TransformationSet transformations, Architecture architecture, PixelNormalization? initial, ClassLabels labels, FeatureColumn features) => new(
            _options.Objective,
            new ObjectiveSettings(_options.Temperature, _options.Beta, _options.LossReduction, _options.LabelSmoothing)
            {
                ClassificationLoss = _options.ClassificationLoss,
                ClassWeighting = _options.ClassWeighting,
                ClassCounts = _rows.Training.CountByClass(labels.Count),
            },
            architecture,
            transformations,
            features,
            _options.Normalization ?? initial ?? PixelNormalization.MinusOneToOne,
            labels,
            _options.ScoreColumnName,
            _options.PredictedLabelColumnName,
            _options.ViewScoresColumnName,
            typeof(SlaTrainer).Assembly.GetName().Version!.ToString(3));

        private TrainingSettings Settings(SlaTrainer trainer, torch.ScalarType computeType) => new(
            _options.Epochs,
            _options.BatchSize,
            trainer.ViewsPerStep,
            _options.LearningRate,
            _options.LearningRateSchedule,
            _options.Momentum,
            _options.WeightDecay,
            _options.Augmentations,
            _host.Seed)
        {
            ComputeType = computeType,
            GradientAccumulation = _options.GradientAccumulation,
            GradientClipping = _options.GradientClipping,
            WeightAveraging = _options.WeightAveraging,
            FrozenEpochs = _options.FrozenEpochs,
            LayerRateDecay = _options.LayerRateDecay,
            DeferredReweighting = _options.DeferredReweighting,
            BalancedSampling = _options.BalancedSampling,
            EarlyStopping = _options.EarlyStopping,
            KeepBest = _options.KeepBest,
            Tail = _options.Tail,
        };

        private void StartFrom(TrainedModel initial)
        {
            var there = initial.Description;
            if (there.Architecture.Name != _description.Architecture.Name || there.Features.Shape != _description.Features.Shape)
            {
                throw new InvalidOperationException(
                    $"The initial model is a {there.Architecture} for images of {there.Features.Shape}, and this trainer makes a {_description.Architecture} "
                    + $"for {_description.Features.Shape}. Set Architecture, Channels, ImageWidth and ImageHeight to those of the model.");
            }

            bool sameHeads = there.Objective == _description.Objective
                && there.ObjectiveSettings.ClassificationLoss.CosineScale is null == _description.ObjectiveSettings.ClassificationLoss.CosineScale is null
                && there.Labels.Names.SequenceEqual(_description.Labels.Names)
                && there.Transformations.Select(t => t.Name).SequenceEqual(_description.Transformations.Select(t => t.Name));
            _network.SetWeights(initial.Weights, withHeads: sameHeads);
            TrainerHost.Info(_channel, sameHeads ? "training goes on from the initial model" : "training starts from the backbone of the initial model, with new heads");
        }

        private void AdviseOnViews()
        {
            double views = (double)_options.Epochs * _settings.ViewsPerStep / _objective.Views;
            if (_options.Objective is not (SlaObjective.Sla or SlaObjective.SlaSelfDistillation) || views >= EnoughViews)
                return;

            TrainerHost.Info(_channel, string.Create(CultureInfo.InvariantCulture,
                $"an image is trained on {views:0.#} times under each of the {_objective.Views} transformations, which is few: SLA was ahead of the baseline from about {EnoughViews} times on ")
                + $"(docs/transformations.md). Try {(int)Math.Ceiling((double)EnoughViews * _objective.Views / _settings.ViewsPerStep)} Epochs, fewer transformations, such as TransformationSet.Rotation2, or SlaObjective.Baseline, and compare.");
        }

        private TrainingStarted Plan() => new(
            _description.Architecture,
            $"{_description.Objective}",
            _description.Transformations,
            _description.Features.Shape,
            _description.Labels.Count,
            _rows.Training.Rows.Length,
            _rows.Validation?.Rows.Length ?? 0,
            _options.Epochs,
            _loop.Steps,
            FirstStep: 0,
            CheckpointPath: "")
        {
            ValidationRows = [.. _rows.Validation?.Rows.Select(_rows.Validation.Store.Position) ?? []],
        };

        private RunIdentity NewIdentity() => _host.Identity(
            _rows.Training,
            _rows.Validation,
            _description,
            _settings,
            [
                ("Classes", string.Join(", ", _description.Labels.Names)),
                ("Objective", $"{_description.Objective}"),
                .. _description.ObjectiveSettings.Identity(),
            ]);
    }
}
