using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using TorchSharp;

namespace Microsoft.ML.Sla;

public sealed partial class SlaTrainer
{
    /// <summary>A call of Fit: the rows, the network, and what trains it.</summary>
    private sealed class Session : IDisposable
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
        private readonly RowSelection _training;
        private readonly RowSelection? _validation;
        private readonly int _unreadable;
        private readonly ModelDescription _description;
        private readonly TrainingSettings _settings;
        private readonly Objective _objective;
        private readonly SlaNetwork _network;
        private readonly ViewAugmenter _views;
        private readonly BatchLoader _loader;
        private readonly TrainingStep _step;
        private readonly Sampler _sampler;
        private readonly TrainingLoop _loop;
        private readonly RunIdentity _identity;

        public Session(SlaTrainer trainer, IChannel channel, IDataView input, IDataView? validationSet, SlaTransformer? initialModel)
        {
            _host = trainer._host;
            _options = trainer._options;
            _channel = channel;
            ArgumentNullException.ThrowIfNull(input);
            TrainerSchema.Check(MLNetInternals.ShapeOf(input.Schema), _options);
            _host.CheckCancellation();
            TorchLibrary.EnsureLoaded();

            var labels = ClassLabels.Of(input.Schema[_options.LabelColumnName]);
            var features = TrainerSchema.Features(input, _options);
            _host.CheckImages(trainer.Transformations, features.Shape);

            if (_options.EarlyStopping is not null && validationSet is null && _options.ValidationSetFraction is null or 0)
                throw NoValidationRows();

            // A file that is no weights is an error before the images are read.
            var pretrained = _options.PretrainedPath is null || initialModel is not null ? null : PretrainedWeights.Read(_options.PretrainedPath);

            var device = _host.ChooseDevice();

            (_training, _validation, _unreadable) = ReadRows(input, validationSet, labels, features);
            var architecture = _host.ChooseArchitecture(
                channel, initialModel?.Architecture ?? pretrained?.Architecture, features.Shape, _training.Rows.Length, device);
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
            _sampler = new EpochSampler(_training, _settings);
            _loop = new TrainingLoop(_network, _step, _sampler, _settings);

            _identity = Identity();
            _host.WarnOfMirrors(channel, trainer.Transformations, features.Shape);
            WarnOfUnevenClasses();
            if (pretrained is null && initialModel is null)
                AdviseOnViews(trainer.ViewsPerStep);
            TrainerHost.Info(channel, $"{architecture}, {architecture.Cost(features.Shape)}; objective {_description.Objective}; "
                + $"transformations {trainer.Transformations}{(trainer.ViewsPerStep < _objective.Views ? $", {trainer.ViewsPerStep} of them drawn for each image and step" : "")}; {_loop.Steps} steps of {_sampler.BatchSize} images; device {device.type}; precision {_settings.ComputeType}; seed {_host.Seed}");
        }

        public TrainedModel Train()
        {
            var validation = new Validation(_network, _objective, _views, _loader);
            var readout = _objective.ReadoutOf(_options.Inference ?? _objective.Inferences[0].Inference);
            var training = _validation is not null && _options.MeasureTrainingAccuracy ? _training.Spread(_validation.Rows.Length) : null;
            var history = new TrainingRun(_host, _options, _channel, _loop, _identity).Run(Plan(), _unreadable, _validation is null ? null : Measure);
            return new TrainedModel(_description with { History = history }, _loop.Result());

            EpochValidation Measure()
            {
                var (accuracy, loss) = validation.Measure(_validation, readout);
                return new EpochValidation(accuracy, loss, training is null ? null : validation.Measure(training, readout).Accuracy);
            }
        }

        public LearningRateRange FindLearningRate(double lowest, double highest, int steps)
        {
            using var memory = _options.KeepMemory ? TensorMemory.Keep() : null;
            using var threads = new ThreadCount(_host.Threads);
            ImageSequence? images = null;
            try
            {
                return LearningRateRange.Measure(lowest, highest, steps, (step, rate) =>
                {
                    _host.CheckCancellation();
                    if (step % _sampler.StepsPerEpoch == 0)
                    {
                        images?.Dispose();
                        images = _training.Store.Open(_sampler.Rows(step / _sampler.StepsPerEpoch));
                    }

                    using var loss = _step.Run(images!, _sampler.BatchSize, rate, Seeds.ForStep(_host.Seed, step));
                    return loss.item<double>();
                });
            }
            finally
            {
                images?.Dispose();
            }
        }

        public void Dispose()
        {
            _loop.Dispose();
            _step.Dispose();
            _loader.Dispose();
            _views.Dispose();
            _network.Dispose();
        }

        private (RowSelection Training, RowSelection? Validation, int Unreadable) ReadRows(
            IDataView input, IDataView? validationSet, ClassLabels labels, FeatureColumn features)
        {
            if (validationSet is not null)
                TrainerSchema.CheckValidationSet(validationSet.Schema, labels, _options);
            long budget = _host.PixelMemory;
            var (all, unreadable) = _host.ReadRows(_channel, input, labels, features, budget);
            RowSplit.CheckClasses(all, labels);
            if (validationSet is not null)
            {
                long left = Math.Max(0, budget - ((long)all.Store.Resident * features.Shape.Length));
                var (rows, unreadableToo) = _host.ReadRows(_channel, validationSet, labels, features, left);
                return (all, rows.Rows.Length == 0 ? throw NoValidationRows() : rows, unreadable + unreadableToo);
            }

            var (training, validation) = RowSplit.ByLabel(all, _options.ValidationSetFraction ?? 0, _host.Seed);
            if (validation.Rows.Length == 0 && _options.ValidationSetFraction > 0)
                throw NoValidationRows();
            return (training, validation.Rows.Length == 0 ? null : validation, unreadable);
        }

        private InvalidOperationException NoValidationRows() => new(
            _options.EarlyStopping is not null && _options.ValidationSetFraction is null or 0
                ? "EarlyStopping needs validation rows, and there are none: set ValidationSet or ValidationSetFraction, or call Fit with a validation set."
                : $"There are no validation rows: the validation set is empty, or ValidationSetFraction, {_options.ValidationSetFraction}, leaves none of any class. "
                    + "Give more rows, or a larger fraction.");

        private ModelDescription Describe(
            TransformationSet transformations, Architecture architecture, PixelNormalization? initial, ClassLabels labels, FeatureColumn features) => new(
            _options.Objective,
            new ObjectiveSettings(_options.Temperature, _options.Beta, _options.LossReduction, _options.LabelSmoothing)
            {
                ClassificationLoss = _options.ClassificationLoss,
                ClassWeighting = _options.ClassWeighting,
                ClassCounts = _training.CountByClass(labels.Count),
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
                && there.Transformations.Name == _description.Transformations.Name;
            _network.SetWeights(initial.Weights, withHeads: sameHeads);
            TrainerHost.Info(_channel, sameHeads ? "training goes on from the initial model" : "training starts from the backbone of the initial model, with new heads");
        }

        private void WarnOfUnevenClasses()
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

        private void AdviseOnViews(int viewsPerStep)
        {
            double views = (double)_options.Epochs * viewsPerStep / _objective.Views;
            if (_options.Objective is not (SlaObjective.Sla or SlaObjective.SlaSelfDistillation) || views >= EnoughViews)
                return;

            TrainerHost.Info(_channel, string.Create(CultureInfo.InvariantCulture,
                $"an image is trained on {views:0.#} times under each of the {_objective.Views} transformations, which is few: SLA was ahead of the baseline from about {EnoughViews} times on ")
                + $"(docs/transformations.md). Try {(int)Math.Ceiling((double)EnoughViews * _objective.Views / viewsPerStep)} Epochs, fewer transformations, such as TransformationSet.Rotation2, or SlaObjective.Baseline, and compare.");
        }

        private TrainingPlan Plan() => new(
            _description.Architecture,
            $"{_description.Objective}",
            _description.Transformations,
            _description.Features.Shape,
            _description.Labels.Count,
            _training.Rows.Length,
            _validation?.Rows.Length ?? 0,
            _options.Epochs,
            _loop.Steps,
            FirstStep: 0,
            CheckpointPath: "")
        {
            ValidationRows = [.. _validation?.Rows.Select(_validation.Store.Position) ?? []],
        };

        private RunIdentity Identity() => _host.Identity(
            _training,
            _validation,
            _description,
            _settings,
            ("Classes", string.Join(", ", _description.Labels.Names)),
            ("Objective", $"{_description.Objective} {_description.ObjectiveSettings}"));
    }
}
