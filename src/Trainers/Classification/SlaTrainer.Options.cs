using Microsoft.ML.Sla.Objectives;

namespace Microsoft.ML.Sla;

public sealed partial class SlaTrainer
{
    /// <summary>Options of <see cref="SlaTrainer"/>.</summary>
    public sealed class Options : ImageTrainerOptions
    {
        /// <summary>Name of the column of class probabilities that the model adds.</summary>
        /// <value>Default <c>Score</c>.</value>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>Name of the column of the most probable class that the model adds.</summary>
        /// <value>Default <c>PredictedLabel</c>.</value>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>
        /// Name of the column for the class probabilities of each view, M x N, with slot names such as <c>cat @ 90°</c>. With this
        /// column every inference takes M passes for each image. <see cref="SlaTransformer.WithViewScores"/> adds or removes the
        /// column after training.
        /// </summary>
        /// <value>Default null: no such column.</value>
        public string? ViewScoresColumnName { get; set; }

        /// <summary>
        /// Name of the column for how far a prediction can be trusted, a vector of one value from 0 to 1: see <see cref="SlaPrediction.Confidence"/>.
        /// <see cref="SlaTransformer.WithConfidence"/> adds or removes the column after training.
        /// </summary>
        /// <value>Default <c>Confidence</c>. Null: no such column.</value>
        public string? ConfidenceColumnName { get; set; } = "Confidence";

        /// <summary>
        /// Whether the trainer divides the logits by a temperature before it makes them probabilities (Guo et al. 2017). It fits the temperature on the
        /// validation rows, for each inference; with <see cref="BackboneTraining.Frozen"/> and without validation rows, on the training rows, each scored
        /// by heads that were not trained on it. It never changes the predicted class. The rows also tell how many predictions are wrong at which
        /// confidence: see <see cref="SlaTransformer.ThresholdFor"/>. The losses in the history, and those that a search compares, are
        /// without the temperature. Ignored where there are no such rows.
        /// </summary>
        /// <value>Default true.</value>
        public bool Calibration { get; set; } = true;

        /// <summary>What the network is trained to minimise.</summary>
        /// <value>Default <see cref="SlaObjective.SlaSelfDistillation"/>, the only one that defines all inferences.</value>
        public SlaObjective Objective { get; set; } = SlaObjective.SlaSelfDistillation;

        /// <summary>
        /// Number of the M views of an image that a step trains on, drawn anew in each step. The expected loss is that over all M
        /// views; the cost of a step is proportional to this number. SlaSelfDistillation always includes the untransformed image and
        /// needs 2 or more; its teacher is then an unbiased estimate of the aggregated logits. Ignored by <see cref="SlaObjective.Baseline"/>.
        /// </summary>
        /// <value>Default null: all M.</value>
        public int? ViewsPerStep { get; set; }

        /// <summary>How the losses of an image's views are combined. Ignored by <see cref="SlaObjective.Baseline"/>.</summary>
        /// <value>Default <see cref="LossReduction.Mean"/>.</value>
        public LossReduction LossReduction { get; set; } = LossReduction.Mean;

        /// <summary>
        /// The loss of a class or joint label, which replaces the cross-entropy in the objective. Ignored by the distillation term of
        /// SlaSelfDistillation and by the transformation head of MultiTask.
        /// </summary>
        /// <value>Default <see cref="ClassificationLoss.CrossEntropy"/>.</value>
        public ClassificationLoss ClassificationLoss { get; set; } = ClassificationLoss.CrossEntropy;

        /// <summary>
        /// The weight of an image in the loss, by the number of training images of its class. The trainer combines the losses of an
        /// image's views first, and then takes the weighted mean over the images of a batch, or of a part of it
        /// (<see cref="GradientAccumulation"/>). An image mixed from two gets a mix of their weights, in the proportions of its labels.
        /// Ignored by the distillation term.
        /// </summary>
        /// <value>Default <see cref="ClassWeighting.None"/>.</value>
        public ClassWeighting ClassWeighting { get; set; } = ClassWeighting.None;

        /// <summary>
        /// Share of the steps after which <see cref="ClassWeighting"/> begins, above 0 and below 1, such as 0.8. The network first
        /// learns features from equally weighted images, and balances its classes afterwards (Cao et al. 2019). Needs a
        /// <see cref="ClassWeighting"/>.
        /// </summary>
        /// <value>Default null: from the first step.</value>
        public double? DeferredReweighting { get; set; }

        /// <summary>
        /// Whether an epoch shows all classes equally often. The length of an epoch does not change: it shows only some images of a
        /// large class, different ones each time, and repeats the images of a small class. <see cref="ClassWeighting"/> still uses the
        /// numbers of images in the data, so the two together correct twice.
        /// </summary>
        /// <value>Default false: each image comes once.</value>
        public bool BalancedSampling { get; set; }

        /// <summary>
        /// Share of each label's probability that is spread evenly over all outputs of its head, 0 to below 1 (Szegedy et al. 2016).
        /// It applies to every cross-entropy of the objective and to the <see cref="ClassificationLoss"/> that replaces it.
        /// </summary>
        /// <value>Default 0.</value>
        public double LabelSmoothing { get; set; }

        /// <summary>How the model scores. <see cref="SlaTransformer.WithInference"/> changes it after training.</summary>
        /// <value>
        /// Default null: Aggregated for Sla, Distilled for SlaSelfDistillation, Single for the others.
        /// </value>
        public SlaInference? Inference { get; set; }

        /// <summary>
        /// Rows to measure accuracy on after each epoch. The network does not train on them. Ignored where a validation set is passed
        /// to <see cref="Fit(IDataView, IDataView)"/>.
        /// </summary>
        /// <value>Default null: no validation set.</value>
        public IDataView? ValidationSet { get; set; }

        /// <summary>
        /// Share of each class's rows that is kept from training, to measure accuracy on after each epoch, 0 to below 1. Ignored where
        /// <see cref="ValidationSet"/> is given.
        /// </summary>
        /// <value>Default null: the network trains on all rows.</value>
        public float? ValidationSetFraction { get; set; }

        /// <summary>
        /// Whether accuracy is also measured on training rows after each epoch: on as many rows as there are validation rows, from all parts of
        /// the training rows, without augmentation. A training accuracy far above the validation accuracy shows overfitting. Ignored without
        /// validation rows.
        /// </summary>
        /// <value>Default false. The measurement takes as long as the validation.</value>
        public bool MeasureTrainingAccuracy { get; set; }

        /// <summary>Ends the run when the validation accuracy no longer rises. Needs validation rows.</summary>
        /// <value>Default null: the run has all epochs.</value>
        public EarlyStopping? EarlyStopping { get; set; }

        /// <summary>
        /// Whether the model has the weights of the epoch with the best validation accuracy instead of those of the last step.
        /// Ignored without validation rows.
        /// </summary>
        /// <value>Default true.</value>
        public bool KeepBest { get; set; } = true;

        /// <summary>Number of passes over all training images. Ignored with <see cref="TrainingTime"/>.</summary>
        /// <value>Default 100.</value>
        public int Epochs { get; set; } = 100;

        /// <summary>Images in a step. Objectives that train on views process <see cref="ViewsPerStep"/> times as many.</summary>
        /// <value>Default 128.</value>
        public int BatchSize { get; set; } = 128;

        /// <summary>
        /// Number of parts that a batch is split into. The trainer adds up the gradients of the parts before it changes the weights. A
        /// step then needs the memory of one part. Batch normalisation sees one part at a time.
        /// </summary>
        /// <value>Default 1: the whole batch at once.</value>
        public int GradientAccumulation { get; set; } = 1;

        /// <summary>
        /// Decay of an exponential moving average of the weights, 0 to below 1, such as 0.999. Validation and the model then use the
        /// average. The decay is lower in the first steps.
        /// </summary>
        /// <value>Default null: no average.</value>
        public double? WeightAveraging { get; set; }

        /// <summary>
        /// Number of epochs at the start in which only the heads learn and the backbone does not change. Useful with pretrained weights,
        /// which untrained heads would spoil.
        /// </summary>
        /// <value>Default 0.</value>
        public int FrozenEpochs { get; set; }

        /// <summary>
        /// Factor on the learning rate from each stage of the network to the stage before it, from the heads down to the stem, above 0 and
        /// at most 1 (Howard and Ruder 2018). Useful with pretrained weights, for example 0.5.
        /// In this library's networks, the stem and each group of blocks is a stage. In a network from an ONNX file, each convolution and each linear
        /// layer is one. Such a network has 20 stages or more, so take a factor near 1, such as 0.9.
        /// </summary>
        /// <value>Default 1: one rate for all.</value>
        public double LayerRateDecay { get; set; } = 1;

        /// <summary>The temperature T of the distillation term. Ignored by all objectives but SlaSelfDistillation.</summary>
        /// <value>Default 1.</value>
        public double Temperature { get; set; } = 1;

        /// <summary>Weight of the class head's cross-entropy relative to the distillation term. Ignored by all objectives but SlaSelfDistillation.</summary>
        /// <value>Default 1.</value>
        public double Beta { get; set; } = 1;

        /// <summary>
        /// Whether the training changes the backbone. <see cref="BackboneTraining.Frozen"/> needs a pretrained backbone:
        /// <see cref="Architecture.FromOnnx"/>, <see cref="Architecture.PretrainedResNet18"/>, <see cref="ImageTrainerOptions.PretrainedPath"/> or an
        /// initial model. It then ignores epochs, batch size and learning rate. Of the base augmentation it uses only the mirror image, and only with
        /// a single view. <see cref="BackboneTraining.HeadsFirst"/> does the same, and then trains all weights as Full does.
        /// </summary>
        /// <value>Default <see cref="BackboneTraining.Full"/>.</value>
        public BackboneTraining BackboneTraining { get; set; } = BackboneTraining.Full;

        /// <summary>
        /// Whether the trainer compares objectives by their log-loss. It compares the baseline, and data augmentation, SLA and SLA with
        /// self-distillation under <see cref="ImageTrainerOptions.Transformations"/>, and under mirroring if the base augmentation mirrors images. It
        /// compares them over three folds of 400 images, or of 10 images a class if that is more. It takes the one with the fewest views within one
        /// standard error of the lowest log-loss, because views take time. <see cref="Objective"/> and <see cref="Inference"/> are then ignored.
        /// Ignored where <see cref="BackboneTraining"/> is Full.
        /// </summary>
        /// <value>Default false.</value>
        public bool CompareObjectives { get; set; }

        /// <summary>
        /// Whether the batch normalisations of the backbone use their stored means and variances in training, as in scoring. Useful with pretrained
        /// weights and small batches. The training still changes their scales and biases. It also turns Dropout in a backbone of
        /// <see cref="Architecture.Custom"/> off.
        /// </summary>
        /// <value>Default false: a training normalises each batch by its own means and variances, and updates the stored ones.</value>
        public bool FrozenStatistics { get; set; }

        /// <summary>
        /// Time that <see cref="Fit(IDataView)"/> takes, above 0. Reading the images, validation and making the model count. The trainer makes as many
        /// steps as fit, and at least one. It follows a machine that becomes slower or faster.
        /// The learning-rate schedule goes by time, and is complete at the end. <see cref="FrozenEpochs"/> divided by <see cref="Epochs"/> is the share of
        /// the time in which only the heads learn; <see cref="DeferredReweighting"/> is a share of the time too. Epochs has no other effect.
        /// The last epoch may be shorter than the others. A resumed run has the time that was left. <see cref="EarlyStopping"/> may end a run before.
        /// Such a training is not deterministic: the number of steps and their rates depend on the speed of the machine.
        /// With <see cref="BackboneTraining.Frozen"/> the trainer embeds as many of the images as there is time for, of each class in proportion, but ten
        /// images a class at least, and tries fewer penalties where time is short. With <see cref="BackboneTraining.HeadsFirst"/> it then trains the network
        /// for as many epochs as fit into the rest, at most about <see cref="Epochs"/>.
        /// </summary>
        /// <value>Default null: <see cref="Epochs"/> decides how long the training takes.</value>
        public TimeSpan? TrainingTime { get; set; }

        /// <summary>Where <see cref="TrainingTime"/> is read.</summary>
        internal TimeProvider TimeProvider { get; set; } = TimeProvider.System;

        /// <summary>The views that the objective learns.</summary>
        internal TransformationSet LearnedTransformations => Objective == SlaObjective.Baseline ? TransformationSet.None : Transformations;

        /// <summary>Whether a comparison chooses the objective.</summary>
        internal bool IgnoresObjective => CompareObjectives && BackboneTraining != BackboneTraining.Full;

        /// <summary>k: <see cref="ViewsPerStep"/>, or all M views if that is null; 1 for Baseline, which has a single view.</summary>
        internal int LearnedViewsPerStep => Math.Min(ViewsPerStep ?? LearnedTransformations.Count, LearnedTransformations.Count);

        internal override string MemoryOptions => IsBackboneFrozen
            ? FrozenMemoryOptions
            : $"BatchSize, which is {BatchSize}, or raise GradientAccumulation, which is {GradientAccumulation}, to train on the batch in smaller "
            + "parts; or lower ViewsPerStep";

        internal Options Clone() => (Options)MemberwiseClone();

        /// <exception cref="ArgumentException">An option has an invalid value; the message names it.</exception>
        /// <exception cref="FileNotFoundException">The file of pretrained weights does not exist.</exception>
        private protected override bool IsBackboneFrozen => BackboneTraining == BackboneTraining.Frozen;

        internal override void Validate()
        {
            base.Validate();
            ArgumentException.ThrowIfNullOrWhiteSpace(ScoreColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(PredictedLabelColumnName);
            Require(ViewScoresColumnName is null || ViewScoresColumnName.Trim().Length > 0, nameof(ViewScoresColumnName), ViewScoresColumnName, "a name, or null");
            Require(ConfidenceColumnName is null || ConfidenceColumnName.Trim().Length > 0, nameof(ConfidenceColumnName), ConfidenceColumnName, "a name, or null");
            Require(ValidationSetFraction is null or (>= 0 and < 1), nameof(ValidationSetFraction), ValidationSetFraction, "from 0 to below 1, or null");
            Require(Epochs > 0, nameof(Epochs), Epochs, "above 0");
            Require(BatchSize > 0, nameof(BatchSize), BatchSize, "above 0");
            Require(
                Augmentations.Count(augmentation => augmentation.Mixes) <= 1,
                nameof(Augmentations),
                string.Join(", ", Augmentations),
                "of one that mixes images, CutMix or Mixup, at most: a label would have more than two parts");
            Require(
                EarlyStopping is null or { Patience: > 0, MinDelta: >= 0 and < 1 },
                nameof(EarlyStopping),
                EarlyStopping,
                "a Patience above 0 and a MinDelta from 0 to below 1, or null");
            Require(TrainingTime is null || TrainingTime > TimeSpan.Zero, nameof(TrainingTime), TrainingTime, "above 0, or null");
            Require(GradientAccumulation > 0, nameof(GradientAccumulation), GradientAccumulation, "above 0");
            Require(WeightAveraging is null or (>= 0 and < 1), nameof(WeightAveraging), WeightAveraging, "from 0 to below 1, or null");
            Require(FrozenEpochs >= 0, nameof(FrozenEpochs), FrozenEpochs, "0 or above");
            Require(LayerRateDecay is > 0 and <= 1, nameof(LayerRateDecay), LayerRateDecay, "above 0 and at most 1");
            Require(IsPositive(Temperature), nameof(Temperature), Temperature, "above 0, and no more than a float holds; usual are 1 to 10");
            Require(Beta == 0 || IsPositive(Beta), nameof(Beta), Beta, "0 or above, and no more than a float holds; usual are 0.1 to 10");
            Require(
                ViewsPerStep is null || (ViewsPerStep > 0 && (ViewsPerStep <= Transformations.Count || Objective == SlaObjective.Baseline)),
                nameof(ViewsPerStep),
                ViewsPerStep,
                $"from 1 to the {Transformations.Count} views of Transformations, {Transformations}, or null for all");
            ArgumentNullException.ThrowIfNull(ClassificationLoss);
            ArgumentNullException.ThrowIfNull(ClassWeighting);
            Require(DeferredReweighting is null or (> 0 and < 1), nameof(DeferredReweighting), DeferredReweighting, "above 0 and below 1, or null to weight images from the first step");
            Require(
                DeferredReweighting is null || ClassWeighting is not NoWeighting,
                nameof(DeferredReweighting),
                DeferredReweighting,
                "given together with a ClassWeighting, such as ClassWeighting.ClassBalanced(), or null");
            Require(LabelSmoothing is >= 0 and < 1, nameof(LabelSmoothing), LabelSmoothing, "from 0 to below 1");
            Require(Enum.IsDefined(Objective), nameof(Objective), Objective, "a member of SlaObjective");
            Require(Enum.IsDefined(BackboneTraining), nameof(BackboneTraining), BackboneTraining, "a member of BackboneTraining");
            Require(Enum.IsDefined(LossReduction), nameof(LossReduction), LossReduction, "a member of LossReduction");
        }
    }
}
