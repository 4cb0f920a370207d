using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla;

/// <summary>Options that the image trainers of this library share.</summary>
public abstract class ImageTrainerOptions
{
    private protected ImageTrainerOptions()
    {
    }

    /// <summary>Name of the label column, a key.</summary>
    /// <value>Default <c>Label</c>.</value>
    public string LabelColumnName { get; set; } = "Label";

    /// <summary>Name of the feature column: an image (MLImage), or a vector of C*H*W bytes or floats.</summary>
    /// <value>Default <c>Features</c>.</value>
    public string FeatureColumnName { get; set; } = "Features";

    /// <summary>The M transformations. Ignored by the objective Baseline.</summary>
    /// <value>Default <see cref="TransformationSet.Rotation"/>, which needs square images.</value>
    public TransformationSet Transformations { get; set; } = TransformationSet.Rotation;

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

    /// <summary>What happens to a row whose image cannot be read. All images are read once before the first step.</summary>
    /// <value>Default <see cref="UnreadableImageHandling.Fail"/>.</value>
    public UnreadableImageHandling OnUnreadableImage { get; set; } = UnreadableImageHandling.Fail;

    /// <summary>
    /// Bytes of decoded pixels that are kept in memory, one for each value of an image (C*H*W). Images beyond it are read
    /// from the data view again in each epoch, on other threads ahead of the step. The model is the same either way.
    /// </summary>
    /// <value>Default null: a quarter of the memory that the process may use.</value>
    public long? PixelMemory { get; set; }

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
    /// Base augmentation, in order: random changes of a training image, drawn once before its views are made. An empty list
    /// turns it off.
    /// </summary>
    /// <value>
    /// Default <c>RandomCrop(4)</c> and <c>HorizontalFlip()</c>. Leave the flip out for digits and letters:
    /// <c>Augmentations = [ImageAugmentation.RandomCrop()]</c>.
    /// </value>
    public IReadOnlyList<ImageAugmentation> Augmentations { get; set; } = [ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip()];

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
    public Action<TrainingProgress>? MetricsCallback { get; set; }

    /// <summary>
    /// Stops Fit with an <see cref="OperationCanceledException"/> after the current step, and leaves a checkpoint that its message
    /// names.
    /// </summary>
    /// <value>Default none.</value>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>The options of how many images are trained on at once, with their values, as a message names them.</summary>
    internal abstract string MemoryOptions { get; }

    /// <exception cref="ArgumentException">An option has a value that cannot be; the message names it.</exception>
    /// <exception cref="FileNotFoundException">There are no pretrained weights at the path.</exception>
    internal virtual void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(LabelColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(FeatureColumnName);
        ArgumentNullException.ThrowIfNull(Transformations);
        ArgumentNullException.ThrowIfNull(Architecture);
        Require(Channels is 1 or 3, nameof(Channels), Channels, "1 (grey) or 3 (colour)");
        Require(ImageWidth is null or > 0, nameof(ImageWidth), ImageWidth, "above 0, or null");
        Require(ImageHeight is null or > 0, nameof(ImageHeight), ImageHeight, "above 0, or null");
        Require(ImageWidth is null == ImageHeight is null, nameof(ImageHeight), ImageHeight, "given together with ImageWidth, or null like it");
        Require(PixelMaximum > 0 && float.IsFinite(PixelMaximum), nameof(PixelMaximum), PixelMaximum, "above 0");
        Require(PixelMemory is null or > 0, nameof(PixelMemory), PixelMemory, "above 0, or null");
        Require(LearningRate > 0 && double.IsFinite(LearningRate), nameof(LearningRate), LearningRate, "above 0");
        Require(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "from 0 to below 1");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or above");
        Require(GradientClipping is null or > 0, nameof(GradientClipping), GradientClipping, "above 0, or null");
        Require(Threads is null or > 0, nameof(Threads), Threads, "above 0, or null for all processors");
        Require(CheckpointSteps > 0, nameof(CheckpointSteps), CheckpointSteps, "above 0");
        Require(CheckpointFolder is null || CheckpointFolder.Trim().Length > 0, nameof(CheckpointFolder), CheckpointFolder, "a path, or null");
        Require(!Resume || CheckpointFolder is not null, nameof(CheckpointFolder), CheckpointFolder, "given where Resume is true");
        ArgumentNullException.ThrowIfNull(Augmentations);
        if (PretrainedPath is not null && !File.Exists(PretrainedPath))
            throw new FileNotFoundException($"The option {nameof(PretrainedPath)} names '{PretrainedPath}', and there is no such file.", PretrainedPath);
        ArgumentNullException.ThrowIfNull(Observers);
        Require(Enum.IsDefined(LearningRateSchedule), nameof(LearningRateSchedule), LearningRateSchedule, "a member of LearningRateSchedule");
        Require(Enum.IsDefined(OnUnreadableImage), nameof(OnUnreadableImage), OnUnreadableImage, "a member of UnreadableImageHandling");
        Require(Enum.IsDefined(Precision), nameof(Precision), Precision, "a member of Precision");
        Require(Enum.IsDefined(Device), nameof(Device), Device, "a member of SlaDevice");
    }

    internal static void Require(bool condition, string option, object? value, string remedy)
    {
        if (!condition)
            throw new ArgumentOutOfRangeException(option, value, $"The option {option} must be {remedy}.");
    }
}
