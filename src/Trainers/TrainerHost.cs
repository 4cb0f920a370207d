using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla;

/// <summary>What the image trainers share around their training: seed, device, precision, rows, log and cancellation.</summary>
internal sealed class TrainerHost
{
    private readonly IHost _host;
    private readonly ImageTrainerOptions _options;

    /// <exception cref="ArgumentException">An option has a value that cannot be.</exception>
    public TrainerHost(IHostEnvironment environment, string name, ImageTrainerOptions options)
    {
        options.Validate();
        Environment = environment;
        _host = environment.Register(name);
        _options = options;
        Seed = options.Seed ?? _host.Rand.Next();
    }

    public IHostEnvironment Environment { get; }

    public int Seed { get; }

    public int Threads => _options.Threads ?? System.Environment.ProcessorCount;

    /// <summary>Bytes of pixels that may be in memory.</summary>
    public long PixelMemory => _options.PixelMemory ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    public IChannel Start(string activity) => _host.Start(activity);

    public static void Info(IChannel channel, string message) => channel.Info(MessageSensitivity.None, "{0}", message);

    public static void Warn(IChannel channel, string message) => channel.Warning(MessageSensitivity.None, "{0}", message);

    /// <exception cref="InvalidOperationException">There is no GPU, and the options ask for one.</exception>
    public Device ChooseDevice()
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

    /// <summary>The type that the backbone computes in.</summary>
    /// <exception cref="InvalidOperationException">The backbone does not compute in the precision that the options ask for.</exception>
    public ScalarType ChooseComputeType(Device device, Architecture architecture)
    {
        var precision = _options.Precision switch
        {
            Precision.BFloat16 when !architecture.TakesAnyPrecision => throw new InvalidOperationException(
                $"The option Precision is BFloat16, and '{architecture}' is a backbone of your own, which computes in the precision that it is made with. "
                + "Set Precision to Auto or Float32."),
            Precision.Auto => device.type == DeviceType.CPU && Processor.MultipliesBFloat16 && architecture.TakesAnyPrecision ? Precision.BFloat16 : Precision.Float32,
            var chosen => chosen,
        };
        return precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
    }

    /// <exception cref="OperationCanceledException">The token of the options, or the MLContext, was cancelled.</exception>
    public void CheckCancellation()
    {
        _options.CancellationToken.ThrowIfCancellationRequested();
        if (MLNetInternals.IsCanceled(_host))
            throw new OperationCanceledException("The execution of the MLContext was cancelled.");
    }

    /// <summary>Warns where images are mirrored at random and the mirror image is a view as well.</summary>
    public void WarnOfMirrors(IChannel channel, TransformationSet transformations, ImageShape shape)
    {
        int[] mirror = TransformationSet.HorizontalFlip[1].GetPermutation(shape);
        if (_options.Augmentations.OfType<HorizontalFlip>().Any() && transformations.Any(t => t.GetPermutation(shape).SequenceEqual(mirror)))
        {
            Warn(channel, $"Augmentations mirrors images at random, and the mirror image is a view of Transformations, {transformations}: "
                + "the network cannot tell which view it sees. Leave HorizontalFlip out of Augmentations.");
        }
    }

    /// <summary>Reads all rows of a view that have a label.</summary>
    /// <param name="channel">Where what was read is told.</param>
    /// <param name="view">The view.</param>
    /// <param name="labels">Its label column.</param>
    /// <param name="features">Its feature column.</param>
    /// <param name="budget">Bytes of pixels that may be in memory.</param>
    /// <param name="checkLabels">Throws where the labels of the rows will not do; called before any image is decoded.</param>
    /// <returns>The rows, and how many were left out because their image cannot be read.</returns>
    public (RowSelection Rows, int Unreadable) ReadRows(
        IChannel channel, IDataView view, ClassLabels labels, FeatureColumn features, long budget, Action<IEnumerable<int>>? checkLabels = null)
    {
        var reader = new RowReader(
            _host, view, labels.ColumnName, features, sameSize: _options.ImageWidth is null, Threads);
        var (store, rows, unlabelled, unreadable) = PixelStore.Read(
            reader, features.Shape, budget, _options.OnUnreadableImage == UnreadableImage.Skip, CheckCancellation, checkLabels);
        Info(channel, $"{rows.Length} images of {features.Shape} in {labels.Count} classes"
            + (unlabelled > 0 ? $"; {unlabelled} rows without a label left out" : "")
            + (unreadable.Count > 0 ? $"; {unreadable.Count} rows with an unreadable image left out" : "")
            + (store.Resident < store.Count ? $"; {store.Resident} kept in memory, the others read again in each epoch" : ""));
        foreach (var (position, reason) in unreadable)
            Warn(channel, reader.Unreadable(position, reason).Message);
        return (new RowSelection(store, rows), unreadable.Count);
    }
}
