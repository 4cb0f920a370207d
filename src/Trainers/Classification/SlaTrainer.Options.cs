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
        /// Name of a column of the M views' own class probabilities that the model adds, M x N, with slot names such as
        /// <c>cat @ 90°</c>. Every inference then takes M passes an image. <see cref="SlaTransformer.WithViewScores"/> changes
        /// it afterwards.
        /// </summary>
        /// <value>Default null: no such column.</value>
        public string? ViewScoresColumnName { get; set; }

        /// <summary>What the network is trained to minimise.</summary>
        /// <value>Default <see cref="SlaObjective.SlaSelfDistillation"/>, the only one that defines all inferences.</value>
        public SlaObjective Objective { get; set; } = SlaObjective.SlaSelfDistillation;

        /// <summary>
        /// How many of the M views of an image are trained on in a step, drawn anew each time. The expected loss stays that over
        /// all M, and a step costs as much as so many views. SlaSelfDistillation always draws the image as it is and needs 2
        /// or more; its teacher is then an unbiased estimate of the aggregated logits. Ignored by <see cref="SlaObjective.Baseline"/>.
        /// </summary>
        /// <value>Default null: all M.</value>
        public int? ViewsPerStep { get; set; }

        /// <summary>How the losses of an image's views become one. Ignored by <see cref="SlaObjective.Baseline"/>.</summary>
        /// <value>Default <see cref="LossReduction.Mean"/>.</value>
        public LossReduction LossReduction { get; set; } = LossReduction.Mean;

        /// <summary>
        /// The loss of a class or joint label, in place of the cross-entropy in the objective. The distillation term of
        /// SlaSelfDistillation and the transformation head of MultiTask are as they are with every loss.
        /// </summary>
        /// <value>Default <see cref="ClassificationLoss.CrossEntropy"/>.</value>
        public ClassificationLoss ClassificationLoss { get; set; } = ClassificationLoss.CrossEntropy;

        /// <summary>
        /// What an image weighs in the loss, by the number of training images of its class. Losses of an image's views become
        /// one first, and the weighted mean over the images of a batch, or of a part of it (<see cref="GradientAccumulation"/>), is taken
        /// then; where two images are mixed, weights are mixed as labels are. The distillation term is not weighted.
        /// </summary>
        /// <value>Default <see cref="ClassWeighting.None"/>.</value>
        public ClassWeighting ClassWeighting { get; set; } = ClassWeighting.None;

        /// <summary>
        /// Share of training's steps after which <see cref="ClassWeighting"/> begins, above 0 to below 1, such as 0.8: the network
        /// learns features from all images alike, and balances its classes afterwards (Cao et al. 2019).
        /// </summary>
        /// <value>Default null: from the first step.</value>
        public double? DeferredReweighting { get; set; }

        /// <summary>
        /// Whether all classes come equally often in an epoch. It stays as long as it is: of a class of many images some come, others
        /// in each epoch, and the images of a class of few come several times. Independent of <see cref="ClassWeighting"/>, which goes by
        /// the numbers of images that there are; both together correct twice.
        /// </summary>
        /// <value>Default false: each image comes once.</value>
        public bool BalancedSampling { get; set; }

        /// <summary>
        /// Share of each label's probability that is spread evenly over all outputs of its head, 0 to below 1, in every
        /// cross-entropy of the objective (Szegedy et al. 2016) and in the <see cref="ClassificationLoss"/> that takes its place.
        /// </summary>
        /// <value>Default 0.</value>
        public double LabelSmoothing { get; set; }

        /// <summary>How the model scores. <see cref="SlaTransformer.WithInference"/> changes it afterwards.</summary>
        /// <value>
        /// Default null: Aggregated for Sla, Distilled for SlaSelfDistillation, Single for the others.
        /// </value>
        public SlaInference? Inference { get; set; }

        /// <summary>Rows to measure accuracy on after each epoch. They are not trained on.</summary>
        /// <value>Default null.</value>
        public IDataView? ValidationSet { get; set; }

        /// <summary>
        /// Share of the training rows, the same of each class, that is kept from training and measured on after each epoch.
        /// Ignored where <see cref="ValidationSet"/> is given.
        /// </summary>
        /// <value>Default null: all rows are trained on.</value>
        public float? ValidationSetFraction { get; set; }

        /// <summary>
        /// Whether accuracy is measured on training rows too, after each epoch: on as many as there are validation rows, from all parts of the
        /// training rows, as they are, without augmentation. What it is above the validation accuracy is what the network knows by heart.
        /// Ignored where there are no validation rows.
        /// </summary>
        /// <value>Default false: it takes as long as the validation.</value>
        public bool MeasureTrainingAccuracy { get; set; }

        /// <summary>Ends the run when the validation accuracy no longer rises. Needs validation rows.</summary>
        /// <value>Default null: all epochs are run.</value>
        public EarlyStopping? EarlyStopping { get; set; }

        /// <summary>
        /// Whether the model has the weights of the epoch with the best validation accuracy, and not those of the last step.
        /// Ignored where there are no validation rows.
        /// </summary>
        /// <value>Default true.</value>
        public bool KeepBest { get; set; } = true;

        /// <summary>How often all images are trained on.</summary>
        /// <value>Default 100.</value>
        public int Epochs { get; set; } = 100;

        /// <summary>Images in a step; times M rows for objectives that train on views.</summary>
        /// <value>Default 128.</value>
        public int BatchSize { get; set; } = 128;

        /// <summary>
        /// Number of parts that a batch is processed in, whose gradients are added up before the step. A step then needs the memory of
        /// a part; batch normalisation sees a part at a time.
        /// </summary>
        /// <value>Default 1: the whole batch at once.</value>
        public int GradientAccumulation { get; set; } = 1;

        /// <summary>
        /// Decay of an exponential moving average of the weights, 0 to below 1, such as 0.999. Validation and the model then use the
        /// average; in the first steps it decays faster.
        /// </summary>
        /// <value>Default null: the weights as they are.</value>
        public double? WeightAveraging { get; set; }

        /// <summary>
        /// Epochs in which only the heads learn, on the embeddings of the backbone as it is: for pretrained weights, so that heads that
        /// know nothing yet do not spoil them.
        /// </summary>
        /// <value>Default 0.</value>
        public int FrozenEpochs { get; set; }

        /// <summary>
        /// Factor on the learning rate from each stage of the network to the one before it, from the heads down to the stem, above 0 to
        /// 1 (Howard and Ruder 2018): for pretrained weights, such as 0.5.
        /// </summary>
        /// <value>Default 1: one rate for all.</value>
        public double LayerRateDecay { get; set; } = 1;

        /// <summary>T of the distillation term. Ignored by other objectives than SlaSelfDistillation.</summary>
        /// <value>Default 1.</value>
        public double Temperature { get; set; } = 1;

        /// <summary>Weight of the class head's cross-entropy beside the distillation term. Ignored by other objectives than SlaSelfDistillation.</summary>
        /// <value>Default 1.</value>
        public double Beta { get; set; } = 1;

        /// <summary>
        /// Whether a backbone that was trained elsewhere stays as it is. <see cref="BackboneTraining.Frozen"/> needs such a backbone:
        /// <see cref="Architecture.FromOnnx"/>, <see cref="Architecture.PretrainedResNet18"/>, <see cref="ImageTrainerOptions.PretrainedPath"/> or an
        /// initial model. Of the base augmentation it takes the mirror images, where there is one view; epochs, steps, learning rate and batch size are then ignored.
        /// </summary>
        /// <value>Default <see cref="BackboneTraining.Full"/>.</value>
        public BackboneTraining BackboneTraining { get; set; } = BackboneTraining.Full;

        /// <summary>
        /// Whether a training with <see cref="BackboneTraining.Frozen"/> compares objectives and takes the best: the baseline, and data
        /// augmentation, SLA and SLA with self-distillation with <see cref="ImageTrainerOptions.Transformations"/>. They are compared by log-loss over
        /// three folds of 400 of the images, or 10 of each class. <see cref="Objective"/> and <see cref="Inference"/> are then ignored.
        /// </summary>
        /// <value>Default false.</value>
        public bool CompareObjectives { get; set; }

        /// <summary>The views that the objective learns.</summary>
        internal TransformationSet LearnedTransformations => Objective == SlaObjective.Baseline ? TransformationSet.None : Transformations;

        /// <summary>k: what was asked for, or all; one for the objective that has one view only.</summary>
        internal int LearnedViewsPerStep => Math.Min(ViewsPerStep ?? LearnedTransformations.Count, LearnedTransformations.Count);

        internal override string MemoryOptions =>
            $"BatchSize, which is {BatchSize}, or raise GradientAccumulation, which is {GradientAccumulation}, to train on the batch in smaller "
            + "parts; or lower ViewsPerStep";

        internal Options Clone() => (Options)MemberwiseClone();

        /// <exception cref="ArgumentException">An option has a value that cannot be; the message names it.</exception>
        /// <exception cref="FileNotFoundException">There are no pretrained weights at the path.</exception>
        internal override void Validate()
        {
            base.Validate();
            ArgumentException.ThrowIfNullOrWhiteSpace(ScoreColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(PredictedLabelColumnName);
            Require(ViewScoresColumnName is null || ViewScoresColumnName.Trim().Length > 0, nameof(ViewScoresColumnName), ViewScoresColumnName, "a name, or null");
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
            Require(GradientAccumulation > 0, nameof(GradientAccumulation), GradientAccumulation, "above 0");
            Require(WeightAveraging is null or (>= 0 and < 1), nameof(WeightAveraging), WeightAveraging, "from 0 to below 1, or null");
            Require(FrozenEpochs >= 0, nameof(FrozenEpochs), FrozenEpochs, "0 or above");
            Require(LayerRateDecay is > 0 and <= 1, nameof(LayerRateDecay), LayerRateDecay, "above 0 and at most 1");
            Require(Temperature > 0 && double.IsFinite(Temperature), nameof(Temperature), Temperature, "above 0");
            Require(Beta >= 0 && double.IsFinite(Beta), nameof(Beta), Beta, "0 or above");
            Require(
                ViewsPerStep is null || (ViewsPerStep > 0 && (ViewsPerStep <= Transformations.Count || Objective == SlaObjective.Baseline)),
                nameof(ViewsPerStep),
                ViewsPerStep,
                $"from 1 to the {Transformations.Count} views of Transformations, {Transformations}, or null for all");
            ArgumentNullException.ThrowIfNull(ClassificationLoss);
            ArgumentNullException.ThrowIfNull(ClassWeighting);
            Require(DeferredReweighting is null or (> 0 and < 1), nameof(DeferredReweighting), DeferredReweighting, "above 0 and below 1, or null to weigh from the first step");
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
