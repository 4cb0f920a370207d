using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla;

/// <summary>
/// Trains an image classifier by self-supervised label augmentation (Lee, Hwang and Shin, ICML 2020): each image is shown
/// under M lossless transformations, and the network learns class and transformation as one joint label.
/// </summary>
/// <remarks>
/// <para>Create it with <see cref="SlaCatalog"/>: <c>mlContext.MulticlassClassification.Trainers.Sla(...)</c>.</para>
/// <list type="table">
/// <listheader><term>Column</term><description>Type</description></listheader>
/// <item><term>Features (input)</term><description>An image (MLImage), or a vector of C*H*W bytes or floats.</description></item>
/// <item><term>Label (input, training only)</term><description>A key with a known number of classes, as MapValueToKey makes it.</description></item>
/// <item><term>Score (output)</term><description>A vector of N probabilities, with the class names as slot names.</description></item>
/// <item><term>PredictedLabel (output)</term><description>A key with the label's key values.</description></item>
/// </list>
/// </remarks>
public sealed partial class SlaTrainer : IEstimator<SlaTransformer>
{
    private readonly IHostEnvironment _environment;
    private readonly IHost _host;
    private readonly Options _options;
    private readonly int _seed;

    internal SlaTrainer(IHostEnvironment environment, Options options)
    {
        options.Validate();
        _environment = environment;
        _host = environment.Register("Sla");
        _options = options;
        _seed = options.Seed ?? _host.Rand.Next();

        // What the objective does not define is an error here, not after an hour of training.
        const int AnyNumber = 2;
        var objective = SlaObjectives.Create(options.Objective, AnyNumber, Transformations.Count, new ObjectiveSettings());
        if (options.Inference is { } inference)
            objective.ReadoutOf(inference);
        Options.Require(
            ViewsPerStep > 1 || !objective.NeedsIdentity || objective.Views == 1,
            nameof(options.ViewsPerStep),
            options.ViewsPerStep,
            $"2 or more for {options.Objective}, whose class head always learns from the image as it is; SlaObjective.Sla learns from one view a step");
    }

    private TransformationSet Transformations => _options.Objective == SlaObjective.Baseline ? TransformationSet.None : _options.Transformations;

    /// <summary>k: what was asked for, or all; one for the objective that has one view only.</summary>
    private int ViewsPerStep => Math.Min(_options.ViewsPerStep ?? Transformations.Count, Transformations.Count);

    /// <summary>Trains a network on all rows that have a label.</summary>
    /// <param name="input">The training rows.</param>
    /// <returns>The trained model. Dispose it when it is no longer used.</returns>
    /// <exception cref="ArgumentException">A column is not there, or not of the type that it must be.</exception>
    /// <exception cref="InvalidOperationException">A row cannot be used, there is nothing to learn, or the loss is no longer a number.</exception>
    /// <exception cref="OperationCanceledException">The token of the options, or the MLContext, was cancelled.</exception>
    public SlaTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        TrainerSchema.Check(MLNetInternals.ShapeOf(input.Schema), _options);
        using var channel = _host.Start("Training");
        CheckCancellation();
        TorchLibrary.EnsureLoaded();
        if (_options.KeepMemory)
            AllocatorPolicy.KeepBigBlocks();

        var labels = ClassLabels.Of(input.Schema[_options.LabelColumnName]);
        var features = TrainerSchema.Features(input, _options);
        Transformations.Validate(features.Shape);
        if (_options.Architecture.Objection(features.Shape) is { } objection)
            throw new InvalidOperationException(objection);

        var (store, training, validation) = ReadRows(channel, input, labels, features);
        var model = Train(channel, new ModelDescription(
            _options.Objective,
            new ObjectiveSettings(_options.Temperature, _options.Beta, _options.LossReduction, _options.LabelSmoothing),
            _options.Architecture,
            Transformations,
            features,
            labels,
            _options.ScoreColumnName,
            _options.PredictedLabelColumnName,
            _options.ViewScoresColumnName,
            typeof(SlaTrainer).Assembly.GetName().Version!.ToString(3)), store, training, validation);
        return new SlaTransformer(_environment, model, _options.Inference ?? model.Objective.Inferences[0].Inference);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        TrainerSchema.Check(inputSchema, _options);
        return TrainerSchema.Output(inputSchema, _options);
    }

    private (PixelStore Store, int[] Training, int[] Validation) ReadRows(IChannel channel, IDataView input, ClassLabels labels, FeatureColumn features)
    {
        bool sameSize = _options.ImageWidth is null;
        var store = new PixelStore(features.Shape);
        long unlabelled = PixelReader.Read(_host, input, labels.ColumnName, features, sameSize, store, CheckCancellation);
        Info(channel, $"{store.Count} images of {features.Shape} in {labels.Count} classes" + (unlabelled > 0 ? $"; {unlabelled} rows without a label left out" : ""));
        RowSplit.CheckClasses(store, labels);

        int[] all = [.. Enumerable.Range(0, store.Count)];
        if (_options.ValidationSet is not { } validationSet)
        {
            var (training, validation) = RowSplit.ByLabel(store, _options.ValidationSetFraction ?? 0, _seed);
            return (store, training, validation);
        }

        TrainerSchema.CheckValidationSet(validationSet.Schema, labels, _options);
        PixelReader.Read(_host, validationSet, labels.ColumnName, features, sameSize, store, CheckCancellation);
        return (store, all, [.. Enumerable.Range(all.Length, store.Count - all.Length)]);
    }

    private TrainedModel Train(IChannel channel, ModelDescription description, PixelStore store, int[] training, int[] validation)
    {
        using var threads = new ThreadCount(_options.Threads ?? Environment.ProcessorCount);
        var device = ChooseDevice();
        var shape = description.Features.Shape;
        var objective = SlaObjectives.Create(description.Objective, description.Labels.Count, description.Transformations.Count, description.ObjectiveSettings);
        using var network = new SlaNetwork(
            description.Architecture.Describe(shape.Channels), description.Architecture.EmbeddingSize, objective.Heads, _seed);
        network.to(device);
        using var views = new ViewAugmenter(description.Transformations, shape, device);
        var (scale, offset) = ModelDescription.Normalization;
        var loader = new BatchLoader(store, device, scale, offset);
        using var loop = new TrainingLoop(network, objective, views, loader, shape, training, new TrainingSettings(
            _options.Epochs,
            _options.BatchSize,
            ViewsPerStep,
            _options.LearningRate,
            _options.LearningRateSchedule,
            _options.Momentum,
            _options.WeightDecay,
            _options.CropPadding,
            _options.HorizontalFlip,
            _seed));

        Info(channel, $"{description.Architecture} with {network.WeightCount} weights; objective {description.Objective}; "
            + $"transformations {description.Transformations}{(ViewsPerStep < objective.Views ? $", {ViewsPerStep} of them drawn for each image and step" : "")}; {loop.Steps} steps of {loop.BatchSize} images; device {device.type}; seed {_seed}");
        var accuracy = new Validation(network, objective, views, loader);
        var readout = objective.ReadoutOf(_options.Inference ?? objective.Inferences[0].Inference);
        loop.Run(
            validation.Length == 0 ? null : () => accuracy.Accuracy(validation, readout),
            metrics => Report(channel, metrics),
            CheckCancellation);
        if (_options.KeepMemory)
            AllocatorPolicy.ReturnFreeBlocks();
        return new TrainedModel(description, network.GetWeights());
    }

    private void Report(IChannel channel, SlaMetrics metrics)
    {
        if (metrics.IsEpochEnd)
        {
            Info(channel, string.Create(CultureInfo.InvariantCulture,
                $"epoch {metrics.Epoch}/{metrics.Epochs}: loss {metrics.Loss:F4}, learning rate {metrics.LearningRate:G3}, {metrics.ImagesPerSecond:F0} images/s")
                + (metrics.ValidationAccuracy is { } accuracy ? string.Create(CultureInfo.InvariantCulture, $", validation accuracy {accuracy:F4}") : ""));
        }

        _options.MetricsCallback?.Invoke(metrics);
    }

    private Device ChooseDevice()
    {
        bool gpu = _options.Device != SlaDevice.Cpu && cuda.is_available();
        if (_options.Device == SlaDevice.Cuda && !gpu)
        {
            throw new InvalidOperationException(
                "The option Device is Cuda, and TorchSharp finds no CUDA GPU. Reference the package TorchSharp-cuda-windows or TorchSharp-cuda-linux "
                + "in place of TorchSharp-cpu and check the driver, or set Device to Auto.");
        }

        return gpu ? CUDA : CPU;
    }

    private void CheckCancellation()
    {
        _options.CancellationToken.ThrowIfCancellationRequested();
        if (MLNetInternals.IsCanceled(_host))
            throw new OperationCanceledException("The execution of the MLContext was cancelled.");
    }

    private static void Info(IChannel channel, string message) => channel.Info(MessageSensitivity.None, "{0}", message);
}
