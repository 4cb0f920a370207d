using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla;

public sealed partial class SlaTrainer
{
    /// <summary>Options of <see cref="SlaTrainer"/>.</summary>
    public sealed class Options
    {
        /// <summary>Name of the label column, a key.</summary>
        /// <value>Default <c>Label</c>.</value>
        public string LabelColumnName { get; set; } = "Label";

        /// <summary>Name of the feature column: an image (MLImage), or a vector of C*H*W bytes or floats.</summary>
        /// <value>Default <c>Features</c>.</value>
        public string FeatureColumnName { get; set; } = "Features";

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

        /// <summary>The M transformations. Ignored by <see cref="SlaObjective.Baseline"/>.</summary>
        /// <value>Default <see cref="TransformationSet.Rotation"/>, which needs square images.</value>
        public TransformationSet Transformations { get; set; } = TransformationSet.Rotation;

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

        /// <summary>The network.</summary>
        /// <value>Default <see cref="Architecture.Auto"/>; of a training that starts from a model of this library, that of the model.</value>
        public Architecture Architecture { get; set; } = Architecture.Auto;

        /// <summary>Width that images are resized to, or that pixel vectors have, in pixels.</summary>
        /// <value>
        /// Default null: the width of the first image, which all must share; for vectors, the last dimension or, where the
        /// vector has one dimension, that of a square image.
        /// </value>
        public int? ImageWidth { get; set; }

        /// <summary>Height that images are resized to, or that pixel vectors have, in pixels.</summary>
        /// <value>Default null, as for <see cref="ImageWidth"/>.</value>
        public int? ImageHeight { get; set; }

        /// <summary>Number of channels: 3 for colour, 1 for grey. Colour images are turned to grey for 1.</summary>
        /// <value>Default 3.</value>
        public int Channels { get; set; } = 3;

        /// <summary>How images of other proportions are brought to <see cref="ImageWidth"/> x <see cref="ImageHeight"/>.</summary>
        /// <value>Default IsoCrop: scaled to fill the size, and what stands out is cut off.</value>
        public ImageResizingEstimator.ResizingKind Resizing { get; set; } = ImageResizingEstimator.ResizingKind.IsoCrop;

        /// <summary>The value of a float vector that stands for full intensity. Ignored for images and bytes.</summary>
        /// <value>Default 255. Set 1 where pixels run from 0 to 1. Values are rounded to 256 levels.</value>
        public float PixelMaximum { get; set; } = 255;

        /// <summary>
        /// File of weights that the backbone starts from: a safetensors file with the names of torchvision or timm (ResNets) or of this
        /// library, an ONNX file with such names, or a model that <c>mlContext.Model.Save</c> wrote. Pickle files (.pt, .pth) are
        /// refused, as reading one can run any code. Weights for 3 channels are summed up for grey images.
        /// </summary>
        /// <value>Default null: initial weights drawn by the seed.</value>
        public string? PretrainedPath { get; set; }

        /// <summary>What the network sees of a pixel.</summary>
        /// <value>
        /// Default null: that of the initial or pretrained model where it is one of this library, ImageNet's for other weights, and
        /// <see cref="PixelNormalization.MinusOneToOne"/> where there are none.
        /// </value>
        public PixelNormalization? Normalization { get; set; }

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

        /// <summary>What happens to a row whose image cannot be read. All images are read once before the first step.</summary>
        /// <value>Default <see cref="UnreadableImage.Fail"/>.</value>
        public UnreadableImage OnUnreadableImage { get; set; } = UnreadableImage.Fail;

        /// <summary>
        /// Bytes of decoded pixels that are kept in memory, one for each value of an image (C*H*W). Images beyond it are read
        /// from the data view again in each epoch, on other threads ahead of the step. The model is the same either way.
        /// </summary>
        /// <value>Default null: a quarter of the memory that the process may use.</value>
        public long? PixelMemory { get; set; }

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

        /// <summary>Learning rate of stochastic gradient descent, the highest of the schedule.</summary>
        /// <value>Default 0.1.</value>
        public double LearningRate { get; set; } = 0.1;

        /// <summary>How the learning rate changes.</summary>
        /// <value>Default <see cref="LearningRateSchedule.Step"/>.</value>
        public LearningRateSchedule LearningRateSchedule { get; set; } = LearningRateSchedule.Step;

        /// <summary>Momentum of stochastic gradient descent, 0 to below 1.</summary>
        /// <value>Default 0.9.</value>
        public double Momentum { get; set; } = 0.9;

        /// <summary>Weight decay (L2 penalty) on all parameters.</summary>
        /// <value>Default 1e-4.</value>
        public double WeightDecay { get; set; } = 1e-4;

        /// <summary>
        /// Largest Euclidean norm of the gradient of all parameters together; a longer one is scaled down to it (Pascanu,
        /// Mikolov and Bengio 2013).
        /// </summary>
        /// <value>Default null: gradients are taken as they are.</value>
        public double? GradientClipping { get; set; }

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

        /// <summary>
        /// Base augmentation, in order: random changes of a training image, drawn once before its views are made. An empty list
        /// turns it off.
        /// </summary>
        /// <value>
        /// Default <c>RandomCrop(4)</c> and <c>HorizontalFlip()</c>. Leave the flip out for digits and letters:
        /// <c>Augmentations = [ImageAugmentation.RandomCrop()]</c>.
        /// </value>
        public IReadOnlyList<ImageAugmentation> Augmentations { get; set; } = [ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip()];

        /// <summary>T of the distillation term. Ignored by other objectives than SlaSelfDistillation.</summary>
        /// <value>Default 1.</value>
        public double Temperature { get; set; } = 1;

        /// <summary>Weight of the class head's cross-entropy beside the distillation term. Ignored by other objectives than SlaSelfDistillation.</summary>
        /// <value>Default 1.</value>
        public double Beta { get; set; } = 1;

        /// <summary>Seed of the initial weights, the order of images and the base augmentation.</summary>
        /// <value>Default null: drawn from the MLContext, whose own seed makes it repeatable.</value>
        public int? Seed { get; set; }

        /// <summary>Where to train.</summary>
        /// <value>Default <see cref="SlaDevice.Auto"/>.</value>
        public SlaDevice Device { get; set; } = SlaDevice.Auto;

        /// <summary>The numbers that the backbone computes with in training.</summary>
        /// <value>Default <see cref="Precision.Auto"/>.</value>
        public Precision Precision { get; set; } = Precision.Auto;

        /// <summary>Number of threads of a CPU. The same number gives the same model.</summary>
        /// <value>Default null: all processors.</value>
        public int? Threads { get; set; }

        /// <summary>
        /// Keeps the big memory blocks of tensors for the next step instead of giving them back to the system and asking for them
        /// again, which makes training faster and smaller. On Linux on x64; ignored elsewhere. All are given back when the training ends.
        /// </summary>
        /// <value>Default true.</value>
        public bool KeepMemory { get; set; } = true;

        /// <summary>
        /// Folder of the checkpoint, the file that an interrupted run is taken up from (see <see cref="Resume"/>). It is replaced
        /// as a whole, every <see cref="CheckpointSteps"/> steps and when the run is cancelled.
        /// </summary>
        /// <value>
        /// Default null: a new folder under the temporary folder, which the log and the exception of a run that does not come to
        /// its end name, and which is deleted when it does.
        /// </value>
        public string? CheckpointFolder { get; set; }

        /// <summary>Steps between checkpoints.</summary>
        /// <value>Default 100.</value>
        public int CheckpointSteps { get; set; } = 100;

        /// <summary>
        /// Goes on from the checkpoint in <see cref="CheckpointFolder"/>, where there is one. With the same data, options and number of
        /// threads the model is the one that the run would have given without the interruption, bit for bit on a CPU.
        /// </summary>
        /// <value>Default false: the run begins anew, and an unfinished checkpoint in the folder is an error.</value>
        public bool Resume { get; set; }

        /// <summary>Hear of the run while it goes on. See <see cref="ITrainingObserver"/>.</summary>
        /// <value>Default none.</value>
        public IReadOnlyList<ITrainingObserver> Observers { get; set; } = [];

        /// <summary>Hears of progress: at the end of each epoch, and about twice a second within an epoch. Runs on the training thread.</summary>
        /// <value>Default null.</value>
        public Action<SlaMetrics>? MetricsCallback { get; set; }

        /// <summary>
        /// Stops Fit with an <see cref="OperationCanceledException"/> after the current step, and leaves a checkpoint that its message
        /// names.
        /// </summary>
        /// <value>Default none.</value>
        public CancellationToken CancellationToken { get; set; }

        /// <exception cref="ArgumentException">An option has a value that cannot be; the message names it.</exception>
        /// <exception cref="FileNotFoundException">There are no pretrained weights at the path.</exception>
        internal void Validate()
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(LabelColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(FeatureColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(ScoreColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(PredictedLabelColumnName);
            Require(ViewScoresColumnName is null || ViewScoresColumnName.Trim().Length > 0, nameof(ViewScoresColumnName), ViewScoresColumnName, "a name, or null");
            ArgumentNullException.ThrowIfNull(Transformations);
            ArgumentNullException.ThrowIfNull(Architecture);
            Require(Channels is 1 or 3, nameof(Channels), Channels, "1 (grey) or 3 (colour)");
            Require(ImageWidth is null or > 0, nameof(ImageWidth), ImageWidth, "above 0, or null");
            Require(ImageHeight is null or > 0, nameof(ImageHeight), ImageHeight, "above 0, or null");
            Require(ImageWidth is null == ImageHeight is null, nameof(ImageHeight), ImageHeight, "given together with ImageWidth, or null like it");
            Require(PixelMaximum > 0 && float.IsFinite(PixelMaximum), nameof(PixelMaximum), PixelMaximum, "above 0");
            Require(ValidationSetFraction is null or (>= 0 and < 1), nameof(ValidationSetFraction), ValidationSetFraction, "from 0 to below 1, or null");
            Require(Epochs > 0, nameof(Epochs), Epochs, "above 0");
            Require(BatchSize > 0, nameof(BatchSize), BatchSize, "above 0");
            Require(LearningRate > 0 && double.IsFinite(LearningRate), nameof(LearningRate), LearningRate, "above 0");
            Require(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "from 0 to below 1");
            Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or above");
            ArgumentNullException.ThrowIfNull(Augmentations);
            Require(
                Augmentations.Count(augmentation => augmentation.Mixes) <= 1,
                nameof(Augmentations),
                string.Join(", ", Augmentations),
                "of one that mixes images, CutMix or Mixup, at most: a label would have more than two parts");
            if (PretrainedPath is not null && !File.Exists(PretrainedPath))
                throw new FileNotFoundException($"The option {nameof(PretrainedPath)} names '{PretrainedPath}', and there is no such file.", PretrainedPath);
            Require(PixelMemory is null or > 0, nameof(PixelMemory), PixelMemory, "above 0, or null");
            Require(
                EarlyStopping is null or { Patience: > 0, MinDelta: >= 0 and < 1 },
                nameof(EarlyStopping),
                EarlyStopping,
                "a Patience above 0 and a MinDelta from 0 to below 1, or null");
            Require(GradientClipping is null or > 0, nameof(GradientClipping), GradientClipping, "above 0, or null");
            Require(GradientAccumulation > 0, nameof(GradientAccumulation), GradientAccumulation, "above 0");
            Require(WeightAveraging is null or (>= 0 and < 1), nameof(WeightAveraging), WeightAveraging, "from 0 to below 1, or null");
            Require(FrozenEpochs >= 0, nameof(FrozenEpochs), FrozenEpochs, "0 or above");
            Require(LayerRateDecay is > 0 and <= 1, nameof(LayerRateDecay), LayerRateDecay, "above 0 and at most 1");
            Require(CheckpointSteps > 0, nameof(CheckpointSteps), CheckpointSteps, "above 0");
            Require(CheckpointFolder is null || CheckpointFolder.Trim().Length > 0, nameof(CheckpointFolder), CheckpointFolder, "a path, or null");
            Require(!Resume || CheckpointFolder is not null, nameof(CheckpointFolder), CheckpointFolder, "given where Resume is true");
            ArgumentNullException.ThrowIfNull(Observers);
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
            Require(Threads is null or > 0, nameof(Threads), Threads, "above 0, or null for all processors");
            Require(Enum.IsDefined(Objective), nameof(Objective), Objective, "a member of SlaObjective");
            Require(Enum.IsDefined(LossReduction), nameof(LossReduction), LossReduction, "a member of LossReduction");
            Require(Enum.IsDefined(LearningRateSchedule), nameof(LearningRateSchedule), LearningRateSchedule, "a member of LearningRateSchedule");
            Require(Enum.IsDefined(OnUnreadableImage), nameof(OnUnreadableImage), OnUnreadableImage, "a member of UnreadableImage");
            Require(Enum.IsDefined(Precision), nameof(Precision), Precision, "a member of Precision");
            Require(Enum.IsDefined(Device), nameof(Device), Device, "a member of SlaDevice");
        }

        internal static void Require(bool condition, string option, object? value, string remedy)
        {
            if (!condition)
                throw new ArgumentOutOfRangeException(option, value, $"The option {option} must be {remedy}.");
        }
    }
}
