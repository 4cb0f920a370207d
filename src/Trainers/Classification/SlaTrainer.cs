using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Classification;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla;

/// <summary>
/// Trains an image classifier by self-supervised label augmentation (Lee, Hwang and Shin, ICML 2020). The network sees each image
/// under M lossless transformations, and learns class and transformation as one joint label.
/// </summary>
/// <remarks>
/// <para>Create it with <see cref="SlaCatalog"/>: <c>mlContext.MulticlassClassification.Trainers.Sla(...)</c>.</para>
/// <list type="table">
/// <listheader><term>Column</term><description>Type</description></listheader>
/// <item><term>Features (input)</term><description>An image (MLImage), or a vector of C*H*W bytes or floats.</description></item>
/// <item><term>Label (input, training only)</term><description>A key with a known number of classes, as MapValueToKey makes it.</description></item>
/// <item><term>Score (output)</term><description>A vector of N probabilities, with the class names as slot names.</description></item>
/// <item><term>PredictedLabel (output)</term><description>A key with the label's key values.</description></item>
/// <item><term>Confidence (output)</term><description>How far the prediction can be trusted: a vector of one value from 0 to 1.</description></item>
/// </list>
/// <list type="table">
/// <listheader><term>Characteristic</term><description>Value</description></listheader>
/// <item><term>Machine learning task</term><description>Multiclass classification of images</description></item>
/// <item><term>Is normalization required?</term><description>No. The trainer normalises pixels itself.</description></item>
/// <item><term>Is caching required?</term><description>No. The trainer reads each row once, and keeps pixels within <see cref="ImageTrainerOptions.PixelMemory"/>.</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>Microsoft.ML.Sla.Trainers, and TorchSharp-cpu or TorchSharp-cuda to train.</description></item>
/// <item><term>Exportable to ONNX</term><description>Yes: <see cref="SlaTransformer.ExportOnnx(string)"/>.</description></item>
/// </list>
/// </remarks>
public sealed partial class SlaTrainer : IEstimator<SlaTransformer>
{
    /// <summary>How long the steps of the whole network are measured, after its heads, in a training by time.</summary>
    private static readonly TimeSpan MeasuringTime = TimeSpan.FromSeconds(2);

    private readonly TrainerHost _host;
    private readonly Options _options;

    internal SlaTrainer(IHostEnvironment environment, Options options)
    {
        _options = options.Clone();
        _host = new TrainerHost(environment, "Sla", _options);

        // Throws now, not after an hour of training, if the objective does not define the inference.
        const int AnyNumber = 2;
        var objective = SlaObjectives.Create(options.Objective, AnyNumber, options.LearnedTransformations.Count, new ObjectiveSettings());
        if (options.Inference is { } inference)
            objective.ReadoutOf(inference);
        Options.Require(
            options.LearnedViewsPerStep > 1 || !objective.NeedsIdentity || objective.Views == 1 || options.IgnoresObjective,
            nameof(options.ViewsPerStep),
            options.ViewsPerStep,
            $"2 or more for {options.Objective}, whose class head always learns from the untransformed image; SlaObjective.Sla can learn from one view in a step");
    }

    /// <summary>Trains a network on all rows that have a label.</summary>
    /// <param name="input">The training rows.</param>
    /// <returns>The trained model. Dispose it when it is no longer used.</returns>
    /// <exception cref="ArgumentException">A column is missing or has the wrong type.</exception>
    /// <exception cref="InvalidOperationException">
    /// A row cannot be used, there is nothing to learn, the loss became infinite or NaN, memory runs out, or the checkpoint is of
    /// another run.
    /// </exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or its folder has files of something else.</exception>
    /// <exception cref="IOException">
    /// The temporary folder or <see cref="ImageTrainerOptions.CheckpointFolder"/> cannot be written to, or another training uses it. Or the embeddings of a
    /// frozen training are more than <see cref="ImageTrainerOptions.EmbeddingMemory"/>, and there is no room for their file. The message says what to do.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token of the options, or the MLContext, was cancelled.</exception>
    public SlaTransformer Fit(IDataView input) => Fit(input, _options.ValidationSet, initialModel: null);

    /// <summary>Trains a network on all rows that have a label, and measures it on the validation rows after each epoch.</summary>
    /// <param name="input">The training rows.</param>
    /// <param name="validationSet">The validation rows. They replace those of the options.</param>
    /// <inheritdoc cref="Fit(IDataView)" path="/returns|/exception"/>
    public SlaTransformer Fit(IDataView input, IDataView validationSet)
    {
        ArgumentNullException.ThrowIfNull(validationSet);
        return Fit(input, validationSet, initialModel: null);
    }

    /// <summary>
    /// Continues training from a model. The network keeps the model's heads if classes, objective and transformations are the same and
    /// the loss is Ldam for both or for neither. Otherwise it starts with the model's backbone and new heads.
    /// </summary>
    /// <param name="input">The training rows.</param>
    /// <param name="initialModel">A model of the same architecture and image size. It is not changed.</param>
    /// <inheritdoc cref="Fit(IDataView)" path="/returns|/exception"/>
    public SlaTransformer Fit(IDataView input, SlaTransformer initialModel)
    {
        ArgumentNullException.ThrowIfNull(initialModel);
        return Fit(input, _options.ValidationSet, initialModel);
    }

    /// <summary>
    /// Runs a learning-rate range test (Smith 2017): trains some steps at rising rates, from one at which the network learns almost nothing
    /// to one at which training diverges. It suggests the rate at which the loss falls fastest. The network is discarded.
    /// </summary>
    /// <param name="input">The training rows.</param>
    /// <param name="lowest">The first rate, above 0.</param>
    /// <param name="highest">The last rate, above <paramref name="lowest"/>. The test ends earlier if the loss rises to 4 times its minimum.</param>
    /// <param name="steps">Number of steps, 10 or more.</param>
    /// <returns>The losses by rate, and the suggestion.</returns>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    /// <example>
    /// <code language="csharp">
    /// var mlContext = new MLContext(seed: 1);
    /// var photos = mlContext.Data.LoadFromEnumerable(
    ///     Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/&lt;class>/&lt;name>.jpg
    ///         .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
    /// var rows = mlContext.Transforms.Conversion.MapValueToKey("Label")
    ///     .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
    ///     .Fit(photos).Transform(photos);
    ///
    /// var options = new SlaTrainer.Options { FeatureColumnName = "Image", ImageWidth = 32, ImageHeight = 32 };
    /// var range = mlContext.MulticlassClassification.Trainers.Sla(options).FindLearningRate(rows);
    /// options.LearningRate = range.Suggested;
    /// </code>
    /// </example>
    public LearningRateRange FindLearningRate(IDataView input, double lowest = 1e-4, double highest = 10, int steps = 100)
    {
        Options.Require(lowest > 0, nameof(lowest), lowest, "above 0");
        Options.Require(highest > lowest && double.IsFinite(highest), nameof(highest), highest, $"above the lowest rate, {lowest}");
        Options.Require(steps >= 10, nameof(steps), steps, "10 or more");
        using var channel = _host.Start("LearningRateRange");
        using var training = new ClassifierTraining(ReadPlan(channel, input, validationSet: null, initialModel: null), channel);
        var range = training.FindLearningRate(lowest, highest, steps);
        TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture, $"learning rate {range.Suggested:G3} suggested after {range.Points.Count} steps"));
        return range;
    }

    /// <summary>
    /// Measures how fast this machine trains, by training for some seconds. The network is discarded. With <see cref="BackboneTraining.Frozen"/> a step
    /// is a batch of views that goes through the network, and an epoch is all views of all images.
    /// </summary>
    /// <param name="input">The training rows.</param>
    /// <param name="time">How long to train after the images are read, above 0. At least one step is made.</param>
    /// <returns>The times of reading and of a step.</returns>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    public TrainingSpeed MeasureSpeed(IDataView input, TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        using var channel = _host.Start("Speed");
        var clock = Stopwatch.StartNew();
        var plan = ReadPlan(channel, input, validationSet: null, initialModel: null);
        if (_options.BackboneTraining == BackboneTraining.Frozen)
        {
            var readingAndNetwork = clock.Elapsed;
            plan = _host.Compute(plan.WithFrozenPrecision);
            var (batch, views) = new FrozenTraining(plan, channel).MeasureBatch(time);
            int all = plan.Sampler.Store.Count * plan.Description.Transformations.Count;
            return new TrainingSpeed { Reading = readingAndNetwork, StepsPerEpoch = (all + views - 1) / views, BatchSize = views, Step = batch };
        }

        using var training = new ClassifierTraining(plan, channel);
        var reading = clock.Elapsed;
        return new TrainingSpeed
        {
            Reading = reading,
            StepsPerEpoch = plan.Sampler.StepsPerEpoch,
            BatchSize = plan.Sampler.BatchSize,
            Step = TimeSpan.FromSeconds(training.MeasureStep(time)),
        };
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        TrainerSchema.Check(inputSchema, _options.LabelColumnName, _options.FeatureColumnName);
        return TrainerSchema.Output(
            inputSchema, _options.LabelColumnName, _options.ScoreColumnName, _options.PredictedLabelColumnName, _options.ViewScoresColumnName, _options.ConfidenceColumnName);
    }

    private SlaTransformer Fit(IDataView input, IDataView? validationSet, SlaTransformer? initialModel)
    {
        var clock = _options.TrainingTime is { } time ? new TrainingClock(time, _options.TimeProvider) : null;
        using var channel = _host.Start("Training");
        using var folder = RunFolder.Take(_options);
        var plan = ReadPlan(channel, input, validationSet, initialModel, clock);
        return _options.BackboneTraining switch
        {
            BackboneTraining.Full => TrainNetwork(plan, channel),
            BackboneTraining.Frozen => TrainHeads(plan, channel).Model,
            _ => TrainHeadsFirst(plan, channel),
        };
    }

    private SlaTransformer TrainNetwork(ClassifierPlan plan, IChannel channel)
    {
        using var training = new ClassifierTraining(plan, channel);
        return Transformer(training.Train(), plan);
    }

    /// <summary>Trains heads on a frozen backbone.</summary>
    /// <returns>The model, and the plan with the objective that the comparison chose, if the options ask for one.</returns>
    private (SlaTransformer Model, ClassifierPlan Plan) TrainHeads(ClassifierPlan plan, IChannel channel)
    {
        plan = _host.Compute(plan.WithFrozenPrecision);
        if (_options.CompareObjectives)
            plan = new FrozenComparison(plan, channel).Best(_host.Compute(plan.BackboneWeights));
        return (Transformer(new FrozenTraining(plan, channel).Train(), plan), plan);
    }

    private SlaTransformer TrainHeadsFirst(ClassifierPlan plan, IChannel channel)
    {
        var (heads, ofHeads) = TrainHeads(plan.With(options => options.BackboneTraining = BackboneTraining.Frozen), channel);
        SlaTransformer network;
        try
        {
            // The arrays of the heads' training are gigabytes, and a training of the network allocates too few for the collector to run.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            var ofNetwork = plan.After(ofHeads, heads);
            if (plan.Clock is { } clock && !CheckpointedRun.Continues(_options))
            {
                if (TimeOfEpochs(clock, ofNetwork, channel) is not { } time)
                    return heads;
                clock.MostTimeOfSteps = time;
            }

            network = TrainNetwork(ofNetwork, channel);
        }
        catch
        {
            heads.Dispose();
            throw;
        }

        double? before = heads.TrainingHistory.KeptEpoch.ValidationAccuracy, after = network.TrainingHistory.KeptEpoch.ValidationAccuracy;
        if (plan.Rows.Validation is null || !_options.KeepBest || after > before)
        {
            heads.Dispose();
            return network;
        }

        TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture,
            $"the heads alone have a validation accuracy of {before:P1}, and the trained network one of {after:P1}: the network stays as it was"));
        network.Dispose();
        return heads;
    }

    /// <summary>Measures an epoch.</summary>
    /// <returns>The time of the epochs of the options; null where not even one fits. A part of one would see some of the images only.</returns>
    private static TimeSpan? TimeOfEpochs(TrainingClock clock, ClassifierPlan plan, IChannel channel)
    {
        TimeSpan epoch;
        using (var measured = new ClassifierTraining(plan, channel))
            epoch = plan.Sampler.StepsPerEpoch * TimeSpan.FromSeconds(measured.MeasureStep(MeasuringTime));
        if (epoch < clock.Left)
            return plan.Options.Epochs * epoch;

        TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture,
            $"an epoch of the whole network takes {epoch.TotalSeconds:F0} seconds, and {clock.Left.TotalSeconds:F0} are left: the network stays as it was"));
        return null;
    }

    private SlaTransformer Transformer(TrainedModel model, ClassifierPlan plan) => new(_host.Environment, model, plan.Inference);

    /// <summary>Checks that transformations and network suit images of a shape, before any image is read.</summary>
    /// <exception cref="ArgumentException">A transformation is not defined for the images.</exception>
    /// <exception cref="InvalidOperationException">The network does not take such images.</exception>
    internal void CheckImages(ImageShape shape) => _host.CheckImages(_options.LearnedTransformations, shape);

    /// <summary>Plans a training on the rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="pretrained">The weights to start from; null for none.</param>
    /// <param name="initialModel">The model to start from; null for none.</param>
    /// <param name="tail">The rest of the schedule, if a search changed the number of epochs during the training; otherwise null.</param>
    /// <param name="clock">The clock of a training by time; null for one by epochs.</param>
    internal ClassifierPlan Plan(
        TrainingRows rows, PretrainedWeights? pretrained = null, SlaTransformer? initialModel = null, ScheduleTail? tail = null, TrainingClock? clock = null) =>
        new(_host, _options, rows, pretrained, initialModel, tail) { Clock = clock };

    private ClassifierPlan ReadPlan(
        IChannel channel, IDataView input, IDataView? validationSet, SlaTransformer? initialModel, TrainingClock? clock = null)
    {
        ArgumentNullException.ThrowIfNull(input);

        // Read first, so that a bad file of weights is an error before the images are read.
        var pretrained = initialModel is null ? ReadPretrained() : null;
        return Plan(ReadRows(channel, input, validationSet), pretrained, initialModel, clock: clock);
    }
}
