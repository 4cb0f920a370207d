using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Search;

namespace Microsoft.ML.Sla;

/// <summary>
/// Finds the transformations, objective, network and settings that suit the images, within a time limit. It uses successive halving (Jamieson and
/// Talwalkar 2016): many trials begin, the better ones continue from their checkpoints, and the training of the best one is finished. The API resembles
/// ML.NET's AutoMLExperiment.
/// </summary>
/// <remarks>
/// <para>Create it with <see cref="SlaExperimentCatalog"/>: <c>mlContext.MulticlassClassification.CreateSlaExperiment(...)</c>.</para>
/// <para>
/// The first trial from scratch has the options of the experiment, with a one-cycle schedule and, where <c>ViewsPerStep</c> is null, two views in a step.
/// The next trials have the same options with other transformation sets, with the strongest base augmentation, and without mirror images. The experiment
/// draws the other trials at random, around the first trial and around the best trial of another transformation set.
/// </para>
/// <para>
/// Where the search space has a pretrained backbone for the images, the first trials keep it unchanged (<see cref="BackboneTraining.Frozen"/>), under several
/// sets of transformations and objectives. Such a trial is complete at once. It is compared with the others at every rung and takes no place of another trial.
/// These trials have at most half of the time or, with a number of trials, half of these; all of it if there is no time for other trials.
/// </para>
/// <para>
/// The experiment compares trials at rungs, which are shares of their training. At each rung a third of the trials continues; at least three reach the
/// last rung. The best trial of each transformation set comes before the second best of any set. The training of the best of all trials is finished, which
/// takes three sevenths of the time or more; with a frozen backbone it takes seconds. This last part also trains on the rows that trials were compared on. If
/// there is time for only one training, the experiment trains with its options, or with the backbone that suits the images.
/// </para>
/// </remarks>
public sealed class SlaExperiment
{
    private readonly IHost _host;
    private readonly Options _options;
    private SearchRequest _request = new();

    internal SlaExperiment(IHostEnvironment environment, Options options)
    {
        options.Validate();
        _host = environment.Register("SlaExperiment");
        _options = new Options { Trainer = options.Trainer.Clone(), Folder = options.Folder };
    }

    /// <summary>Sets the rows to train on, and other rows to compare trials on.</summary>
    /// <param name="train">The training rows.</param>
    /// <param name="validation">The validation rows.</param>
    /// <returns>This experiment.</returns>
    public SlaExperiment SetDataset(IDataView train, IDataView validation)
    {
        ArgumentNullException.ThrowIfNull(validation);
        return SetDataset(train, validation, validationFraction: null, holdOut: true, folds: 1);
    }

    /// <summary>
    /// Sets the rows. The experiment keeps a share of each class from the trials' training, to compare the trials on it. The last part of the winner's
    /// training uses all rows, including that share. With <paramref name="holdOut"/> the winner never trains on the share, and is measured on it at the end.
    /// </summary>
    /// <remarks>
    /// The last part continues from the trial's checkpoint, with the same network, batch size and number of steps in an epoch. A single trial trains on all
    /// rows from the beginning and has no interval. If the search is cancelled before the last part, its model has not trained on the share.
    /// </remarks>
    /// <param name="data">The rows.</param>
    /// <param name="validationFraction">The share, above 0 to below 1.</param>
    /// <param name="holdOut">
    /// Whether the last part of the winner's training also leaves the share out. The last interval of <see cref="SlaExperimentResult.Best"/> then gives the
    /// model's accuracy on rows that it has not trained on, although they helped to choose it. Default false, which gives the better model.
    /// </param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of its range.</exception>
    public SlaExperiment SetDataset(IDataView data, float validationFraction, bool holdOut = false)
    {
        ArgumentNullException.ThrowIfNull(data);
        SlaTrainer.Options.Require(validationFraction is > 0 and < 1, nameof(validationFraction), validationFraction, "above 0 and below 1");
        return SetDataset(data, validation: null, validationFraction, holdOut, folds: 1);
    }

    /// <summary>
    /// Sets the rows, and trains each trial once for each fold. The mean of the folds decides, and the winner is trained again on all rows. For data sets with
    /// few rows, because a trial takes as many trainings as there are folds.
    /// </summary>
    /// <param name="data">The rows.</param>
    /// <param name="folds">Number of folds, 2 or more.</param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than two folds.</exception>
    public SlaExperiment SetDataset(IDataView data, int folds)
    {
        ArgumentNullException.ThrowIfNull(data);
        SlaTrainer.Options.Require(folds > 1, nameof(folds), folds, "2 or more");
        return SetDataset(data, validation: null, validationFraction: null, holdOut: false, folds);
    }

    /// <summary>Sets the time of the whole search: reading, trials, the winner's training and making its model. Default: no limit.</summary>
    /// <param name="seconds">Seconds, above 0.</param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public SlaExperiment SetTrainingTimeInSeconds(uint seconds)
    {
        SlaTrainer.Options.Require(seconds > 0, nameof(seconds), seconds, "above 0");
        return With(_request with { Time = TimeSpan.FromSeconds(seconds) });
    }

    /// <summary>
    /// Sets the number of trials. Without a time limit, the search has exactly this number, or all trials that differ if these are fewer. It then plans each
    /// trial for the <c>Epochs</c> of the options, and gives the same model for the same seed. With a time limit, it has at most this number. Default: no
    /// limit.
    /// </summary>
    /// <param name="count">The number, above 0.</param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public SlaExperiment SetMaxModelToExplore(int count)
    {
        SlaTrainer.Options.Require(count > 0, nameof(count), count, "above 0");
        return With(_request with { MaxTrials = count });
    }

    /// <summary>Sets the metric by which trials are compared, and how the model scores.</summary>
    /// <param name="metric">The metric on the validation rows. Default of an experiment: micro accuracy.</param>
    /// <param name="inference">
    /// How trials and the model score. The search drops objectives that do not define this inference. Default null: the inference that each objective
    /// recommends.
    /// </param>
    /// <param name="latencyCeiling">
    /// The longest time that scoring an image may take in ONNX Runtime on one thread, measured before a trial begins. The search leaves out slower
    /// configurations. If the network of the options is too slow, the first trial has the slowest network that is not. Default null: no limit.
    /// </param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such metric or inference, or the ceiling is not above 0.</exception>
    public SlaExperiment SetMetric(SearchMetric metric, SlaInference? inference = null, TimeSpan? latencyCeiling = null)
    {
        SlaTrainer.Options.Require(Enum.IsDefined(metric), nameof(metric), metric, "a member of SearchMetric");
        SlaTrainer.Options.Require(inference is not { } given || Enum.IsDefined(given), nameof(inference), inference, "a member of SlaInference, or null");
        SlaTrainer.Options.Require(latencyCeiling is null || latencyCeiling > TimeSpan.Zero, nameof(latencyCeiling), latencyCeiling, "above 0, or null");
        return With(_request with { Metric = metric, Inference = inference, LatencyCeiling = latencyCeiling });
    }

    /// <summary>Sets the search space.</summary>
    /// <param name="space">The search space. Default of an experiment: a new one, unchanged.</param>
    /// <returns>This experiment.</returns>
    public SlaExperiment SetSearchSpace(SlaSearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        return With(_request with { Space = space });
    }

    /// <summary>Sets the monitor that trials are reported to.</summary>
    /// <param name="monitor">The monitor.</param>
    /// <returns>This experiment.</returns>
    public SlaExperiment SetMonitor(ISlaExperimentMonitor monitor)
    {
        ArgumentNullException.ThrowIfNull(monitor);
        return With(_request with { Monitor = monitor });
    }

    /// <summary>Searches. See <see cref="RunAsync"/>.</summary>
    /// <inheritdoc cref="RunAsync" path="/returns|/exception"/>
    public SlaExperimentResult Run() => Search(CancellationToken.None);

    /// <summary>Searches on another thread. A second call on the same folder resumes a search that was killed or cancelled.</summary>
    /// <param name="cancellationToken">Ends the search after the current step. The result is then the best trial's model so far.</param>
    /// <returns>The best model, and all trials.</returns>
    /// <exception cref="ArgumentException">A column, an option or a fixed value cannot be used.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows, there is no limit, settings contradict each other, no network is below the latency ceiling, the folder has another search, or all
    /// trials failed.
    /// </exception>
    /// <exception cref="IOException">The folder cannot be written, or another search is using it.</exception>
    /// <exception cref="FileNotFoundException">The search space fixes the backbone to resnet18, and the program does not have its file.</exception>
    /// <exception cref="InvalidDataException">A file in the folder is damaged, or is not a search's; or the file of resnet18 is damaged.</exception>
    /// <exception cref="OperationCanceledException">The search was cancelled before the first step of a trial.</exception>
    public Task<SlaExperimentResult> RunAsync(CancellationToken cancellationToken = default) => Task.Run(() => Search(cancellationToken), CancellationToken.None);

    private SlaExperiment SetDataset(IDataView train, IDataView? validation, float? validationFraction, bool holdOut, int folds)
    {
        ArgumentNullException.ThrowIfNull(train);
        return With(_request with { Train = train, Validation = validation, ValidationFraction = validationFraction, HoldOut = holdOut, Folds = folds });
    }

    private SlaExperiment With(SearchRequest request)
    {
        _request = request;
        return this;
    }

    private SlaExperimentResult Search(CancellationToken cancellationToken)
    {
        _request.Check(_options.Trainer);
        return new SearchSetUp(_host, _options, _request).Run(cancellationToken);
    }

    /// <summary>Options of <see cref="SlaExperiment"/>.</summary>
    public sealed class Options
    {
        /// <summary>
        /// The options that all trials share: columns, size, channels, seed, threads and so on. For an option that the search chooses, this is the value of the
        /// first trial from scratch. With <see cref="BackboneTraining.Frozen"/>, all trials keep the backbone of these options. All trials from scratch use the
        /// one-cycle schedule. Where <c>WeightAveraging</c> is null, the weights are averaged over the last 50th of a training.
        /// </summary>
        /// <value>Default: the defaults of the trainer.</value>
        public SlaTrainer.Options Trainer { get; set; } = new();

        /// <summary>
        /// Folder of the search's record: <c>search.json</c>, the plan; <c>trials.jsonl</c>, a line for each interval of a trial; <c>embeddings</c>, what
        /// frozen backbones made of the images; and the checkpoints of trials that are still in the search. A second run in the folder resumes the search.
        /// </summary>
        /// <value>Default null: a temporary folder, which the experiment deletes after the search.</value>
        public string? Folder { get; set; }

        internal void Validate()
        {
            ArgumentNullException.ThrowIfNull(Trainer);
            Trainer.Validate();
            SlaTrainer.Options.Require(Folder is null || Folder.Trim().Length > 0, nameof(Folder), Folder, "a path, or null");
            Refuse(Trainer.ValidationSet is not null || Trainer.ValidationSetFraction is not null, nameof(Trainer.ValidationSet), "give the validation rows to SetDataset");
            Refuse(Trainer.TrainingTime is not null, nameof(Trainer.TrainingTime), "call SetTrainingTimeInSeconds");
            Refuse(Trainer.EarlyStopping is not null, nameof(Trainer.EarlyStopping), "the experiment stops trials itself");
            Refuse(Trainer.CheckpointFolder is not null || Trainer.Resume, nameof(Trainer.CheckpointFolder), "give the experiment's Folder");
        }

        private static void Refuse(bool isGiven, string option, string remedy)
        {
            if (isGiven)
                throw new ArgumentException($"The option {option} of the trainer must not be set for an experiment: {remedy}.");
        }
    }
}
