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
    /// <value>Default <see cref="Architecture.Auto"/>: a training that starts from a model of this library takes the model's network.</value>
    public Architecture Architecture { get; set; } = Architecture.Auto;

    /// <summary>
    /// Width in pixels. The trainer resizes images to it; pixel vectors must have it. Give <see cref="ImageHeight"/> as well.
    /// </summary>
    /// <value>
    /// Default null: the width of the first image, which all images must share. For vectors it is the last dimension, or the width of
    /// a square image if the vector has one dimension.
    /// </value>
    public int? ImageWidth { get; set; }

    /// <summary>Height in pixels. The trainer resizes images to it; pixel vectors must have it.</summary>
    /// <value>Default null, as for <see cref="ImageWidth"/>.</value>
    public int? ImageHeight { get; set; }

    /// <summary>Number of channels: 3 for colour, 1 for grey. With 1, colour images become grey.</summary>
    /// <value>Default 3.</value>
    public int Channels { get; set; } = 3;

    /// <summary>How images of other proportions are resized to <see cref="ImageWidth"/> x <see cref="ImageHeight"/>.</summary>
    /// <value>Default IsoCrop: the image is scaled to fill the size, and the excess is cut off.</value>
    public ImageResizingEstimator.ResizingKind Resizing { get; set; } = ImageResizingEstimator.ResizingKind.IsoCrop;

    /// <summary>The value of full intensity in a float vector. Values are rounded to 256 levels. Ignored for images and bytes.</summary>
    /// <value>Default 255. Set 1 if pixels run from 0 to 1.</value>
    public float PixelMaximum { get; set; } = 255;

    /// <summary>
    /// File of weights that the backbone starts from: a safetensors file with the names of torchvision or timm (ResNets) or of this
    /// library, an ONNX file with such names, or a model that <c>mlContext.Model.Save</c> wrote. Pickle files (.pt, .pth) are
    /// refused, because reading one can run any code. For grey images, the weights of 3 channels are summed. Ignored where the training
    /// starts from an initial model.
    /// </summary>
    /// <value>Default null: the seed draws the initial weights.</value>
    public string? PretrainedPath { get; set; }

    /// <summary>How pixel values are normalised for the network.</summary>
    /// <value>
    /// Default null: the normalisation of the initial or pretrained model of this library, ImageNet's for other pretrained weights, and
    /// <see cref="PixelNormalization.MinusOneToOne"/> for a training from scratch.
    /// </value>
    public PixelNormalization? Normalization { get; set; }

    /// <summary>What to do with a row whose image cannot be read. The trainer reads all images once before the first step.</summary>
    /// <value>Default <see cref="UnreadableImageHandling.Fail"/>.</value>
    public UnreadableImageHandling OnUnreadableImage { get; set; } = UnreadableImageHandling.Fail;

    /// <summary>
    /// Bytes of decoded pixels to keep in memory; an image takes C*H*W bytes. The trainer reads images beyond this limit from the data
    /// view again in each epoch, on other threads and ahead of the step. The limit does not change the model.
    /// </summary>
    /// <value>Default null: a quarter of the memory that the process may use.</value>
    public long? PixelMemory { get; set; }

    /// <summary>
    /// Bytes of embeddings that a training with a frozen backbone keeps in memory; an embedding takes 4 bytes a value, and each view of an image has
    /// one. Beyond this limit all embeddings are in a file, of which 16 MiB are in memory at a time. The file is in <see cref="CheckpointFolder"/>, or
    /// in the temporary folder if that is null, and is gone when the training ends. The limit does not change the model. Fit throws an
    /// <see cref="IOException"/> where the folder cannot be written to or its disk has too little space. Ignored where BackboneTraining is Full.
    /// </summary>
    /// <value>Default null: a quarter of the memory that the process may use.</value>
    public long? EmbeddingMemory { get; set; }

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
    /// <value>Default null: no clipping.</value>
    public double? GradientClipping { get; set; }

    /// <summary>
    /// Base augmentation: random changes of a training image, applied in order. They are drawn once for an image, before its views are
    /// made. An empty list turns them off.
    /// </summary>
    /// <value>
    /// Default <c>RandomCrop(4)</c> and <c>HorizontalFlip()</c>. Leave the flip out for digits and letters:
    /// <c>Augmentations = [ImageAugmentation.RandomCrop()]</c>.
    /// </value>
    public IReadOnlyList<ImageAugmentation> Augmentations { get; set; } = [ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip()];

    /// <summary>Seed of the initial weights, the order of images and the base augmentation.</summary>
    /// <value>Default null: drawn from the MLContext. An MLContext with a seed gives the same seed each time.</value>
    public int? Seed { get; set; }

    /// <summary>Where to train.</summary>
    /// <value>Default <see cref="SlaDevice.Auto"/>.</value>
    public SlaDevice Device { get; set; } = SlaDevice.Auto;

    /// <summary>The number format in which the backbone computes in training.</summary>
    /// <value>Default <see cref="Precision.Auto"/>.</value>
    public Precision Precision { get; set; } = Precision.Auto;

    /// <summary>Whether the trainer leaves the backbone as it is.</summary>
    private protected virtual bool IsBackboneFrozen => false;

    /// <summary>
    /// Number of CPU threads, at most 256, or 8 for each processor if that is more. The same number gives the same model. Ignored on a GPU.
    /// </summary>
    /// <value>Default null: all processors.</value>
    public int? Threads { get; set; }

    /// <summary>
    /// Keeps large memory blocks of tensors for the next step instead of returning them to the system. Training is then faster and needs less
    /// memory. The trainer returns all blocks when the training ends. Ignored outside Linux on x64.
    /// </summary>
    /// <value>Default true.</value>
    public bool KeepMemory { get; set; } = true;

    /// <summary>
    /// Folder of the checkpoint, the file from which an interrupted run can resume (see <see cref="Resume"/>). The trainer replaces the
    /// file every <see cref="CheckpointSteps"/> steps and when the run is cancelled. The folder is new, empty or that of an earlier training: a folder with
    /// other files is refused. One training at a time may use it. The last checkpoint of a run whose loss became NaN gets another name there.
    /// </summary>
    /// <value>
    /// Default null: a new folder under the temporary folder. The trainer deletes it when the run finishes. If the run does not finish, the
    /// log or the exception names it.
    /// </value>
    public string? CheckpointFolder { get; set; }

    /// <summary>Steps between checkpoints.</summary>
    /// <value>Default 100.</value>
    public int CheckpointSteps { get; set; } = 100;

    /// <summary>
    /// Resumes from the checkpoint in <see cref="CheckpointFolder"/>, if there is one. With the same data, options and number of threads the
    /// model equals that of an uninterrupted run, bit for bit on a CPU. Needs a <see cref="CheckpointFolder"/>.
    /// </summary>
    /// <value>Default false: the run begins anew. The checkpoint of an unfinished run in the folder is then an error.</value>
    public bool Resume { get; set; }

    /// <summary>Objects that the trainer calls during the run. See <see cref="ITrainingObserver"/>.</summary>
    /// <value>Default none.</value>
    public IReadOnlyList<ITrainingObserver> Observers { get; set; } = [];

    /// <summary>
    /// Receives the progress at the end of each epoch, and about twice a second within an epoch. The trainer calls it on the training thread.
    /// </summary>
    /// <value>Default null.</value>
    public Action<TrainingProgress>? MetricsCallback { get; set; }

    /// <summary>
    /// Stops Fit with an <see cref="OperationCanceledException"/> after the current step. Fit leaves a checkpoint, which the exception's
    /// message names.
    /// </summary>
    /// <value>Default none.</value>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>The options that set how many images a step trains on, with their values, for an error message.</summary>
    internal abstract string MemoryOptions { get; }

    /// <summary>The same of a training with a frozen backbone.</summary>
    private protected static string FrozenMemoryOptions => $"{nameof(EmbeddingMemory)} or {nameof(PixelMemory)}";

    /// <summary>Calls a method of each observer.</summary>
    internal void Notify(Action<ITrainingObserver> call)
    {
        foreach (var observer in Observers)
            call(observer);
    }

    /// <exception cref="ArgumentException">An option has an invalid value; the message names it.</exception>
    /// <exception cref="FileNotFoundException">The file of pretrained weights does not exist.</exception>
    internal virtual void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(LabelColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(FeatureColumnName);
        ArgumentNullException.ThrowIfNull(Transformations);
        ArgumentNullException.ThrowIfNull(Architecture);
        Require(Channels is 1 or 3, nameof(Channels), Channels, "1 (grey) or 3 (colour)");
        Require(ImageWidth is null or > 0, nameof(ImageWidth), ImageWidth, "above 0, or null");
        Require(ImageHeight is null or > 0, nameof(ImageHeight), ImageHeight, "above 0, or null");
        Require(
            (long)Channels * (ImageWidth ?? 1) * (ImageHeight ?? 1) <= MostValues,
            nameof(ImageWidth),
            ImageWidth,
            $"smaller: an image of {ImageWidth} x {ImageHeight} has more than {MostValues} values");
        Require(ImageWidth is null == ImageHeight is null, nameof(ImageHeight), ImageHeight, "given if ImageWidth is given, and null if it is null");
        Require(
            PixelMaximum > 0 && float.IsFinite(PixelMaximum) && float.IsNormal(byte.MaxValue / PixelMaximum),
            nameof(PixelMaximum),
            PixelMaximum,
            "above 1e-36 and a number: the value of a white pixel, such as 255 or 1");
        Require(PixelMemory is null or > 0, nameof(PixelMemory), PixelMemory, "above 0, or null");
        Require(EmbeddingMemory is null or > 0, nameof(EmbeddingMemory), EmbeddingMemory, "above 0, or null");
        Require(IsPositive(LearningRate), nameof(LearningRate), LearningRate, "above 0, and no more than a float holds; most networks train with 0.001 to 0.3");
        Require(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "from 0 to below 1");
        Require(WeightDecay == 0 || IsPositive(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or above, and no more than a float holds; usual are 0 to 0.01");
        Require(GradientClipping is not { } norm || IsPositive(norm), nameof(GradientClipping), GradientClipping, "above 0, and no more than a float holds, or null");
        Require(Threads is null || (Threads > 0 && Threads <= MostThreads), nameof(Threads), Threads, $"from 1 to {MostThreads}, or null for all processors");
        Require(CheckpointSteps > 0, nameof(CheckpointSteps), CheckpointSteps, "above 0");
        Require(CheckpointFolder is null || CheckpointFolder.Trim().Length > 0, nameof(CheckpointFolder), CheckpointFolder, "a path, or null");
        Require(!Resume || CheckpointFolder is not null, nameof(CheckpointFolder), CheckpointFolder, "given if Resume is true");
        ArgumentNullException.ThrowIfNull(Augmentations);
        if (PretrainedPath is not null && !File.Exists(PretrainedPath))
            throw new FileNotFoundException($"The option {nameof(PretrainedPath)} names '{PretrainedPath}', and there is no such file.", PretrainedPath);
        ArgumentNullException.ThrowIfNull(Observers);
        Require(Enum.IsDefined(LearningRateSchedule), nameof(LearningRateSchedule), LearningRateSchedule, "a member of LearningRateSchedule");
        Require(Enum.IsDefined(OnUnreadableImage), nameof(OnUnreadableImage), OnUnreadableImage, "a member of UnreadableImageHandling");
        Require(Enum.IsDefined(Precision), nameof(Precision), Precision, "a member of Precision");
        Require(Precision != Precision.Int8 || IsBackboneFrozen, nameof(Precision), Precision, "Auto, Float32 or BFloat16, unless BackboneTraining is Frozen");
        Require(Enum.IsDefined(Device), nameof(Device), Device, "a member of SlaDevice");
    }

    /// <summary>The largest number of threads: enough to repeat a training of a large machine on a small one.</summary>
    private static int MostThreads => Math.Max(256, 8 * Environment.ProcessorCount);

    /// <summary>The most values of an image, a gigabyte of floats.</summary>
    private const long MostValues = 1 << 28;

    /// <summary>Whether a number is above 0 in the floats that networks compute with.</summary>
    private protected static bool IsPositive(double value) => value > 0 && float.IsNormal((float)value);

    internal static void Require(bool condition, string option, object? value, string remedy)
    {
        if (!condition)
            throw new ArgumentOutOfRangeException(option, value, $"The option {option} must be {remedy}.");
    }
}
