using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Search;

namespace Microsoft.ML.Sla;

/// <summary>
/// Finds out within a time which transformations, objective, network and settings suit the images, by successive halving (Jamieson and Talwalkar 2016):
/// many trials begin, the better ones go on from their checkpoints, and the best one is trained to its end. In the shape of ML.NET's AutoMLExperiment.
/// </summary>
/// <remarks>
/// <para>Create it with <see cref="SlaExperimentCatalog"/>: <c>mlContext.MulticlassClassification.CreateSlaExperiment(...)</c>.</para>
/// <para>
/// The first trial has the options of the experiment, with a one-cycle schedule and two views a step. The next trials have the same options with other
/// transformation sets, with the strongest base augmentation, and without mirror images. The rest are drawn at random around the first trial and around the
/// best trial of another transformation set.
/// </para>
/// <para>
/// Trials are compared at rungs, which are shares of their training. At each rung a third of them goes on, three to the last rung. The best trial of each
/// transformation set comes before the second of any. The best of all is trained to the end of its schedule, which takes three sevenths of the time or more,
/// also on the rows that were kept to compare trials on. Where there is time for one training only, it is that of the options.
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
        _options = options;
    }

    /// <summary>Sets the rows that are trained on, and others that trials are compared on.</summary>
    /// <param name="train">The training rows.</param>
    /// <param name="validation">The validation rows.</param>
    /// <returns>This experiment.</returns>
    public SlaExperiment SetDataset(IDataView train, IDataView validation)
    {
        ArgumentNullException.ThrowIfNull(validation);
        return SetDataset(train, validation, validationFraction: null, holdOut: true, folds: 1);
    }

    /// <summary>
    /// Sets the rows, of each class of which a share is kept from the trials' training to compare them on. In its last part the winner is trained on
    /// all rows, that share included; with <paramref name="holdOut"/> it is not, and is measured on the share at its end.
    /// </summary>
    /// <remarks>
    /// The last part goes on from the trial's checkpoint with the same network, batch and steps in an epoch. A single trial is trained on all rows from its
    /// beginning, and has no interval. A search that is cancelled before the last part gives a model that has not learned the share.
    /// </remarks>
    /// <param name="data">The rows.</param>
    /// <param name="validationFraction">The share, above 0 to below 1.</param>
    /// <param name="holdOut">
    /// Whether the share is kept from the winner's last part too, so that the last interval of <see cref="SlaExperimentResult.Best"/> says how accurate
    /// the model is on rows that it has not learned, though was chosen by. Default false, which makes the better model.
    /// </param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of its range.</exception>
    public SlaExperiment SetDataset(IDataView data, float validationFraction, bool holdOut = false)
    {
        SlaTrainer.Options.Require(validationFraction is > 0 and < 1, nameof(validationFraction), validationFraction, "above 0 and below 1");
        return SetDataset(data, validation: null, validationFraction, holdOut, folds: 1);
    }

    /// <summary>
    /// Sets the rows, which each trial is trained on in folds: the mean of the folds decides, and the winner is trained once more on all rows.
    /// For few rows; a trial takes as many trainings as there are folds.
    /// </summary>
    /// <param name="data">The rows.</param>
    /// <param name="folds">Number of folds, 2 or more.</param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than two folds.</exception>
    public SlaExperiment SetDataset(IDataView data, int folds)
    {
        SlaTrainer.Options.Require(folds > 1, nameof(folds), folds, "2 or more");
        return SetDataset(data, validation: null, validationFraction: null, holdOut: false, folds);
    }

    /// <summary>Sets the time of the whole search: reading, trials, the winner's training and its model.</summary>
    /// <param name="seconds">Seconds, above 0.</param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public SlaExperiment SetTrainingTimeInSeconds(uint seconds)
    {
        SlaTrainer.Options.Require(seconds > 0, nameof(seconds), seconds, "above 0");
        return With(_request with { Time = TimeSpan.FromSeconds(seconds) });
    }

    /// <summary>
    /// Sets the number of trials. Without a time, there are so many, each planned for the <c>Epochs</c> of the options, and the same seed gives
    /// the same model; with one, there are so many at most.
    /// </summary>
    /// <param name="count">The number, above 0.</param>
    /// <returns>This experiment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public SlaExperiment SetMaxModelToExplore(int count)
    {
        SlaTrainer.Options.Require(count > 0, nameof(count), count, "above 0");
        return With(_request with { MaxTrials = count });
    }

    /// <summary>Sets what trials are compared by, and how the model scores.</summary>
    /// <param name="metric">The metric on the validation rows. Default of an experiment: micro accuracy.</param>
    /// <param name="inference">How trials and the model score. Objectives that do not define it drop out. Default null: what each objective recommends.</param>
    /// <param name="latencyCeiling">
    /// Time that scoring an image may take in ONNX Runtime on one thread, measured before a trial begins. What takes longer is left out; where that
    /// is the network of the options, the first trial has the slowest network that does not. Default null: any.
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

    /// <summary>Sets what is chosen from.</summary>
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
    /// <inheritdoc cref="RunAsync"/>
    public SlaExperimentResult Run() => Search(CancellationToken.None);

    /// <summary>Searches, on another thread. A second call on the same folder goes on with a search that was killed or cancelled.</summary>
    /// <param name="cancellationToken">Ends the search after the current step. The result is then the model that the best trial has so far.</param>
    /// <returns>The best model, and all trials.</returns>
    /// <exception cref="ArgumentException">A column, an option or a fixed value cannot be used.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows or no limit, settings do not fit together, no network is below the ceiling of latency, the folder has another search, or
    /// all trials are broken.
    /// </exception>
    /// <exception cref="IOException">The folder cannot be written, or another search is at work in it.</exception>
    /// <exception cref="InvalidDataException">A file of the folder is not one of a search.</exception>
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
        /// What all trials share: columns, size, channels, seed, threads and so on. Of an option that the search space chooses, it is the value of the
        /// first trial. The schedule is one-cycle for all. Where <c>WeightAveraging</c> is null, the last 50th of a training is averaged.
        /// </summary>
        /// <value>Default: the defaults of the trainer.</value>
        public SlaTrainer.Options Trainer { get; set; } = new();

        /// <summary>
        /// Folder of the search's record: <c>search.json</c>, the plan; <c>trials.jsonl</c>, a line for each interval of a trial; and
        /// the checkpoints of trials that are not out. A second run in the folder goes on with the search.
        /// </summary>
        /// <value>Default null: a temporary folder, which is deleted after the search.</value>
        public string? Folder { get; set; }

        internal void Validate()
        {
            ArgumentNullException.ThrowIfNull(Trainer);
            Trainer.Validate();
            SlaTrainer.Options.Require(Folder is null || Folder.Trim().Length > 0, nameof(Folder), Folder, "a path, or null");
            Refuse(Trainer.ValidationSet is not null || Trainer.ValidationSetFraction is not null, nameof(Trainer.ValidationSet), "give the validation rows to SetDataset");
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
