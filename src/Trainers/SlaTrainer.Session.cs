using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Augmentation;
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

        private readonly SlaTrainer _trainer;
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
        private readonly TrainingLoop _loop;
        private readonly RunIdentity _identity;

        public Session(SlaTrainer trainer, IChannel channel, IDataView input, IDataView? validationSet, SlaTransformer? initialModel)
        {
            _trainer = trainer;
            _options = trainer._options;
            _channel = channel;
            ArgumentNullException.ThrowIfNull(input);
            TrainerSchema.Check(MLNetInternals.ShapeOf(input.Schema), _options);
            trainer.CheckCancellation();
            TorchLibrary.EnsureLoaded();

            var labels = ClassLabels.Of(input.Schema[_options.LabelColumnName]);
            var features = TrainerSchema.Features(input, _options);
            trainer.Transformations.Validate(features.Shape);
            if (_options.Architecture.Objection(features.Shape) is { } objection)
                throw new InvalidOperationException(objection);

            if (_options.EarlyStopping is not null && validationSet is null && _options.ValidationSetFraction is null or 0)
                throw NoValidationRows();

            // A file that is no weights is an error before the images are read.
            var pretrained = _options.PretrainedPath is null || initialModel is not null ? null : PretrainedWeights.Read(_options.PretrainedPath);

            var device = trainer.ChooseDevice();

            (_training, _validation, _unreadable) = ReadRows(input, validationSet, labels, features);
            var given = _options.Architecture == Architecture.Auto ? initialModel?.Architecture ?? pretrained?.Architecture : null;
            var (architecture, reason) = (given ?? _options.Architecture).Choose(features.Shape, _training.Rows.Length, device.type == DeviceType.CUDA);
            if (reason is not null)
                Info(channel, reason);
            _description = Describe(architecture, initialModel?.Model.Description.Normalization ?? pretrained?.Normalization, labels, features);
            _settings = Settings(trainer.ChoosePrecision(device, architecture));
            _objective = SlaObjectives.Create(
                _description.Objective, labels.Count, trainer.Transformations.Count, _description.ObjectiveSettings);
            _network = new SlaNetwork(_description.Architecture, features.Shape, _objective.Heads, trainer._seed);
            if (pretrained is not null)
                Info(channel, pretrained.LoadInto(_network));
            if (initialModel is not null)
                StartFrom(initialModel.Model);
            _network.to(device);
            _views = new ViewAugmenter(trainer.Transformations, features.Shape, device);
            _loader = new BatchLoader(features.Shape, _description.Normalization, device);
            _step = new TrainingStep(_network, _objective, _views, _loader, _settings);
            _loop = new TrainingLoop(_network, _step, _training, _settings);

            _identity = Identity();
            WarnOfMirrors();
            WarnOfUnevenClasses();
            Info(channel, $"{architecture}, {architecture.Cost(features.Shape)}; objective {_description.Objective}; "
                + $"transformations {trainer.Transformations}{(trainer.ViewsPerStep < _objective.Views ? $", {trainer.ViewsPerStep} of them drawn for each image and step" : "")}; {_loop.Steps} steps of {_loop.BatchSize} images; device {device.type}; precision {_settings.ComputeType}; seed {trainer._seed}");
        }

        private int ThreadsWanted => _options.Threads ?? Environment.ProcessorCount;

        /// <exception cref="InvalidOperationException">The folder has the checkpoint of a run that has not come to its end.</exception>
        public static void CheckNothingIsOverwritten(Options options)
        {
            if (options.CheckpointFolder is null || options.Resume || new CheckpointFile(options.CheckpointFolder) is not { Exists: true } checkpoint)
                return;

            var header = checkpoint.ReadHeader();
            if (!header.IsFinished)
            {
                throw new InvalidOperationException(
                    $"'{checkpoint.Path}' is the checkpoint of a run that stopped after step {header.Step}. Set Resume to true to go on with it, or delete it, "
                    + "or give another folder as CheckpointFolder.");
            }
        }

        public TrainedModel Train()
        {
            using var memory = _options.KeepMemory ? TensorMemory.Keep() : null;
            using var threads = new ThreadCount(ThreadsWanted);
            string folder = _options.CheckpointFolder ?? Directory.CreateTempSubdirectory("Microsoft.ML.Sla-").FullName;
            var checkpoint = new CheckpointFile(folder);
            bool isFinished = TakeUp(checkpoint);
            Notify(observer => observer.OnStart(Plan(checkpoint)));
            if (!isFinished)
            {
                Run(checkpoint);
                Save(checkpoint, isFinished: true);
            }

            if (_options.CheckpointFolder is null)
                checkpoint.Delete();

            var history = new TrainingHistory(
                _trainer._seed, _training.Rows.Length, _validation?.Rows.Length ?? 0, _unreadable, _loop.Epochs, _loop.BestEpoch, _loop.StoppedEarly);
            Notify(observer => observer.OnEnd(history));
            return new TrainedModel(_description with { History = history }, _loop.Result());
        }

        public LearningRateRange FindLearningRate(double lowest, double highest, int steps)
        {
            using var memory = _options.KeepMemory ? TensorMemory.Keep() : null;
            using var threads = new ThreadCount(ThreadsWanted);
            ImageSequence? images = null;
            try
            {
                return LearningRateRange.Measure(lowest, highest, steps, (step, rate) =>
                {
                    _trainer.CheckCancellation();
                    if (step % _loop.StepsPerEpoch == 0)
                    {
                        images?.Dispose();
                        images = _training.Store.Open(_loop.Order(step / _loop.StepsPerEpoch));
                    }

                    using var loss = _step.Run(images!, _loop.BatchSize, rate, Seeds.ForStep(_trainer._seed, step));
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
            long budget = _options.PixelMemory ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;
            var (all, unreadable) = ReadRows(input, labels, features, budget);
            RowSplit.CheckClasses(all, labels);
            if (validationSet is not null)
            {
                long left = Math.Max(0, budget - ((long)all.Store.Resident * features.Shape.Length));
                var (rows, unreadableToo) = ReadRows(validationSet, labels, features, left);
                return (all, rows.Rows.Length == 0 ? throw NoValidationRows() : rows, unreadable + unreadableToo);
            }

            var (training, validation) = RowSplit.ByLabel(all, _options.ValidationSetFraction ?? 0, _trainer._seed);
            if (validation.Rows.Length == 0 && _options.ValidationSetFraction > 0)
                throw NoValidationRows();
            return (training, validation.Rows.Length == 0 ? null : validation, unreadable);
        }

        private (RowSelection Rows, int Unreadable) ReadRows(IDataView view, ClassLabels labels, FeatureColumn features, long budget)
        {
            var reader = new RowReader(
                _trainer._host, view, labels.ColumnName, features, sameSize: _options.ImageWidth is null, ThreadsWanted);
            var (store, rows, unlabelled, unreadable) = PixelStore.Read(
                reader, features.Shape, budget, _options.OnUnreadableImage == UnreadableImage.Skip, _trainer.CheckCancellation);
            Info(_channel, $"{rows.Length} images of {features.Shape} in {labels.Count} classes"
                + (unlabelled > 0 ? $"; {unlabelled} rows without a label left out" : "")
                + (unreadable.Count > 0 ? $"; {unreadable.Count} rows with an unreadable image left out" : "")
                + (store.Resident < store.Count ? $"; {store.Resident} kept in memory, the others read again in each epoch" : ""));
            foreach (var (position, reason) in unreadable)
                Warn(_channel, reader.Unreadable(position, reason).Message);
            return (new RowSelection(store, rows), unreadable.Count);
        }

        private InvalidOperationException NoValidationRows() => new(
            _options.EarlyStopping is not null && _options.ValidationSetFraction is null or 0
                ? "EarlyStopping needs validation rows, and there are none: set ValidationSet or ValidationSetFraction, or call Fit with a validation set."
                : $"There are no validation rows: the validation set is empty, or ValidationSetFraction, {_options.ValidationSetFraction}, leaves none of any class. "
                    + "Give more rows, or a larger fraction.");

        private ModelDescription Describe(Architecture architecture, PixelNormalization? initial, ClassLabels labels, FeatureColumn features) => new(
            _options.Objective,
            new ObjectiveSettings(_options.Temperature, _options.Beta, _options.LossReduction, _options.LabelSmoothing)
            {
                ClassificationLoss = _options.ClassificationLoss,
                ClassWeighting = _options.ClassWeighting,
                ClassCounts = _training.CountByClass(labels.Count),
            },
            architecture,
            _trainer.Transformations,
            features,
            _options.Normalization ?? initial ?? PixelNormalization.MinusOneToOne,
            labels,
            _options.ScoreColumnName,
            _options.PredictedLabelColumnName,
            _options.ViewScoresColumnName,
            typeof(SlaTrainer).Assembly.GetName().Version!.ToString(3));

        private TrainingSettings Settings(Precision precision) => new(
            _options.Epochs,
            _options.BatchSize,
            _trainer.ViewsPerStep,
            _options.LearningRate,
            _options.LearningRateSchedule,
            _options.Momentum,
            _options.WeightDecay,
            _options.Augmentations,
            _trainer._seed)
        {
            ComputeType = precision == Precision.BFloat16 ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32,
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
            Info(_channel, sameHeads ? "training goes on from the initial model" : "training starts from the backbone of the initial model, with new heads");
        }

        private void WarnOfMirrors()
        {
            var shape = _description.Features.Shape;
            int[] mirror = TransformationSet.HorizontalFlip[1].GetPermutation(shape);
            if (_options.Augmentations.OfType<HorizontalFlip>().Any() && _description.Transformations.Any(t => t.GetPermutation(shape).SequenceEqual(mirror)))
            {
                Warn(_channel, $"Augmentations mirrors images at random, and the mirror image is a view of Transformations, {_description.Transformations}: "
                    + "the network cannot tell which view it sees. Leave HorizontalFlip out of Augmentations.");
            }
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

            Warn(_channel, string.Create(CultureInfo.InvariantCulture,
                $"The classes are uneven: '{largestName}' has {largest} training images, {(double)largest / smallest:F1} times as many as '{smallestName}', which has {smallest}. ")
                + "Small classes may hardly be learned. Try BalancedSampling = true, or ClassificationLoss = ClassificationLoss.Ldam() with "
                + "ClassWeighting = ClassWeighting.ClassBalanced() and DeferredReweighting = 0.8, and compare macro accuracy.");
        }

        private TrainingPlan Plan(CheckpointFile checkpoint) => new(
            _description.Architecture,
            _description.Objective,
            _description.Transformations,
            _description.Features.Shape,
            _description.Labels.Count,
            _training.Rows.Length,
            _validation?.Rows.Length ?? 0,
            _options.Epochs,
            _loop.Steps,
            _loop.StepsDone,
            checkpoint.Path)
        {
            ValidationRows = [.. _validation?.Rows.Select(_validation.Store.Position) ?? []],
        };

        private void Run(CheckpointFile checkpoint)
        {
            var validation = new Validation(_network, _objective, _views, _loader);
            var readout = _objective.ReadoutOf(_options.Inference ?? _objective.Inferences[0].Inference);
            var training = _validation is not null && _options.MeasureTrainingAccuracy ? _training.Spread(_validation.Rows.Length) : null;
            try
            {
                _loop.Run(
                    _validation is null ? null : Measure,
                    Report,
                    () =>
                    {
                        if (_loop.StepsDone % _options.CheckpointSteps == 0)
                            Save(checkpoint, isFinished: false);
                    },
                    _trainer.CheckCancellation);
            }
            catch (OperationCanceledException exception)
            {
                Save(checkpoint, isFinished: false);
                throw new OperationCanceledException(
                    $"The training was cancelled after step {_loop.StepsDone} of {_loop.Steps}. {HowToResume(checkpoint)}", exception, exception.CancellationToken);
            }
            catch
            {
                Warn(_channel, $"The training failed after step {_loop.StepsDone} of {_loop.Steps}. {HowToResume(checkpoint)}");
                throw;
            }

            EpochValidation Measure()
            {
                var (accuracy, loss) = validation.Measure(_validation!, readout);
                return new EpochValidation(accuracy, loss, training is null ? null : validation.Measure(training, readout).Accuracy);
            }
        }

        /// <summary>Goes on from a checkpoint, where there is one to go on from, or begins one.</summary>
        /// <returns>Whether the run that it is of had come to its end.</returns>
        private bool TakeUp(CheckpointFile checkpoint)
        {
            if (checkpoint.Exists && _options.Resume)
                return Resume(checkpoint);

            // Written now so that a folder that cannot be written to is an error before training, not after an hour of it.
            checkpoint.Write(_identity, _loop.Capture(), isFinished: false);
            return false;
        }

        private bool Resume(CheckpointFile checkpoint)
        {
            var header = checkpoint.ReadHeader();
            string[] differences = [.. _identity.Differences(header.Identity)];
            if (differences.Length > 0)
            {
                throw new InvalidOperationException(
                    $"'{checkpoint.Path}' is the checkpoint of another run: {string.Join("; ", differences)}. Set the options as they were and give the same "
                    + "rows to go on with it, or give another folder as CheckpointFolder.");
            }

            _loop.Restore(checkpoint.ReadState());
            Info(_channel, $"training goes on after step {header.Step} of {_loop.Steps}, from '{checkpoint.Path}'");
            return header.IsFinished;
        }

        /// <summary>Writes a checkpoint. A full disk in the middle of a run is no reason to stop it.</summary>
        private void Save(CheckpointFile checkpoint, bool isFinished)
        {
            try
            {
                checkpoint.Write(_identity, _loop.Capture(), isFinished);
                Notify(observer => observer.OnCheckpoint(checkpoint.Path, _loop.StepsDone));
            }
            catch (IOException exception)
            {
                Warn(_channel, exception.Message);
            }
        }

        private string HowToResume(CheckpointFile checkpoint) =>
            $"The checkpoint is '{checkpoint.Path}': to go on from it, set CheckpointFolder to '{Path.GetDirectoryName(checkpoint.Path)}', "
            + $"Resume to true and Seed to {_trainer._seed}.";

        private RunIdentity Identity()
        {
            var data = SHA256.HashData(MemoryMarshal.AsBytes<int>([
                .. _training.Rows.SelectMany(row => new[] { row, _training.Store.Label(row) }),
                .. _validation?.Rows.SelectMany(row => new[] { row, _validation.Store.Label(row) }) ?? []]));
            return new RunIdentity(new Dictionary<string, string>
            {
                ["Rows and labels"] = Convert.ToHexStringLower(data)[..16],
                ["Images"] = _description.Features.Shape.ToString(),
                ["Classes"] = string.Join(", ", _description.Labels.Names),
                ["Architecture"] = _description.Architecture.Name,
                ["Objective"] = $"{_description.Objective} {_description.ObjectiveSettings}",
                ["Transformations"] = _description.Transformations.Name,
                ["Augmentations"] = string.Join(", ", _options.Augmentations),
                ["Normalization"] = _description.Normalization.ToString(),
                ["Precision"] = _settings.ComputeType.ToString(),
                ["Training"] = (_settings with { Augmentations = [], ComputeType = default }).ToString(),
            });
        }

        private void Report(SlaMetrics metrics)
        {
            if (metrics.IsEpochEnd)
            {
                Info(_channel, string.Create(CultureInfo.InvariantCulture,
                    $"epoch {metrics.Epoch}/{metrics.Epochs}: loss {metrics.Loss:F4}, learning rate {metrics.LearningRate:G3}, {metrics.ImagesPerSecond:F0} images/s")
                    + (metrics.ValidationAccuracy is { } accuracy
                        ? string.Create(CultureInfo.InvariantCulture, $", validation accuracy {accuracy:F4}, validation loss {metrics.ValidationLoss:F4}")
                        : ""));
            }

            Notify(observer => (metrics.IsEpochEnd ? (Action<SlaMetrics>)observer.OnEpochEnd : observer.OnProgress)(metrics));
            _options.MetricsCallback?.Invoke(metrics);
        }

        private void Notify(Action<ITrainingObserver> tell)
        {
            foreach (var observer in _options.Observers)
                tell(observer);
        }
    }
}
