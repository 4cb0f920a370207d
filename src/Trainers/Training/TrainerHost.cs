using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Scoring;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>Services that the image trainers share: seed, device, precision, rows, log and cancellation.</summary>
internal sealed class TrainerHost
{
    private readonly IHost _host;
    private readonly ImageTrainerOptions _options;

    /// <exception cref="ArgumentException">An option has an invalid value.</exception>
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

    /// <summary>The largest number of bytes of pixels to keep in memory.</summary>
    public long PixelMemory => _options.PixelMemory ?? QuarterOfMemory;

    /// <summary>A quarter of the bytes of memory that the process may use.</summary>
    public static long QuarterOfMemory => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>Runs a function that computes with torch.</summary>
    /// <exception cref="InvalidOperationException">Memory runs out; the message says which options to lower.</exception>
    public T Compute<T>(Func<T> function)
    {
        using var scope = TorchScope.Enter(Threads, _options.KeepMemory);
        try
        {
            return function();
        }
        catch (Exception exception) when (MemoryShortage.In(exception) is { } shortage)
        {
            throw new InvalidOperationException(
                $"The training needs more memory than is available: {shortage.TrimEnd('.')}. Lower {_options.MemoryOptions}, or ImageWidth and ImageHeight, or use a "
                + "smaller Architecture.",
                exception);
        }
    }

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
                $"The option Precision is BFloat16, and '{architecture}' is a custom backbone, which computes in the precision that it is made with. "
                + "Set Precision to Auto or Float32."),
            Precision.Auto => device.type == DeviceType.CPU && Processor.MultipliesBFloat16 && !OneDnn.IsLimited && architecture.TakesAnyPrecision ? Precision.BFloat16 : Precision.Float32,
            var chosen => chosen,
        };
        return precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
    }

    /// <summary>Whether a backbone that stays as it is computes in 8 bits.</summary>
    public bool ComputesInInt8(Architecture architecture) =>
        _options.Precision == Precision.Int8 || (_options.Precision == Precision.Auto && Processor.MultipliesInt8 && architecture.SuitsInt8);

    /// <summary>The feature column of a data view, with its shape from the options and the data.</summary>
    public FeatureColumn Features(IDataView data)
    {
        var column = data.Schema[_options.FeatureColumnName];
        return column.Type is VectorDataViewType vector
            ? FeatureColumn.OfVector(column.Name, vector, _options.ImageWidth, _options.ImageHeight, _options.Channels, _options.Resizing, _options.PixelMaximum)
            : new FeatureColumn(column.Name, FeatureKind.Image, ShapeOfImages(data), _options.Resizing, _options.PixelMaximum);
    }

    /// <summary>Checks that network and views suit images of a shape, before any image is read.</summary>
    /// <exception cref="ArgumentException">A transformation is not defined for the images, or an augmentation is not possible.</exception>
    /// <exception cref="InvalidOperationException">The network does not take such images.</exception>
    public void CheckImages(TransformationSet transformations, ImageShape shape)
    {
        transformations.Validate(shape);
        if (_options.Augmentations.Select(augmentation => augmentation.Objection(shape)).FirstOrDefault(reason => reason is not null) is { } impossible)
            throw new ArgumentException(impossible);
        if (_options.Architecture.Objection(shape) is { } objection)
            throw new InvalidOperationException(objection);
    }

    /// <summary>The network to train: that of the options or, with Auto, that of the initial weights or one that suits images and device.</summary>
    /// <param name="initial">The network of the initial weights; null if there are none or they do not name it.</param>
    /// <param name="shape">Shape of the images.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="device">Where the network is trained.</param>
    /// <returns>The network, and why it was chosen; the reason is null if there was no choice.</returns>
    public (Architecture Chosen, string? Reason) ChooseArchitecture(Architecture? initial, ImageShape shape, int images, Device device)
    {
        var wanted = _options.Architecture == Architecture.Auto ? initial ?? Architecture.Auto : _options.Architecture;
        return wanted.Choose(shape, images, device.type == DeviceType.CUDA);
    }

    /// <summary>The identity of a run.</summary>
    /// <param name="rows">The training rows.</param>
    /// <param name="others">The validation rows; null for none.</param>
    /// <param name="network">The description of the network.</param>
    /// <param name="settings">The settings of the run.</param>
    /// <param name="own">The trainer's own settings, by name.</param>
    public RunIdentity Identity(
        RowSelection rows, RowSelection? others, NetworkDescription network, TrainingSettings settings, params IEnumerable<(string Name, string Value)> own)
    {
        var labels = SHA256.HashData(MemoryMarshal.AsBytes<int>([.. Labels(rows), .. others is null ? [] : Labels(others)]));
        var entries = new Dictionary<string, string>
        {
            ["Rows and labels"] = Convert.ToHexStringLower(labels)[..16],
            ["Images"] = network.Features.Shape.ToString(),
            ["Architecture"] = network.Architecture.Identity,
            ["Transformations"] = network.Transformations.Name,
            ["Augmentations"] = string.Join(", ", _options.Augmentations),
            ["Normalization"] = network.Normalization.ToString(),
            ["Precision"] = settings.ComputeType.ToString(),
        };
        foreach (var (name, value) in settings.Identity())
            entries.Add(name, value);
        foreach (var (name, value) in own)
            entries.Add(name, value);
        return new RunIdentity(entries);

        static IEnumerable<int> Labels(RowSelection rows) => rows.Rows.SelectMany(row => new[] { row, rows.Store.Label(row) });
    }

    private ImageShape ShapeOfImages(IDataView data)
    {
        if (_options.ImageWidth is { } width && _options.ImageHeight is { } height)
            return new ImageShape(_options.Channels, height, width);

        var first = RowReader.FirstImageSize(data, _options.FeatureColumnName, _options.OnUnreadableImage == UnreadableImageHandling.Skip);
        return new ImageShape(_options.Channels, first.Height, first.Width);
    }

    /// <exception cref="OperationCanceledException">The token of the options, or the MLContext, was cancelled.</exception>
    public void CheckCancellation()
    {
        _options.CancellationToken.ThrowIfCancellationRequested();
        if (MLNetInternals.IsCanceled(_host))
            throw new OperationCanceledException("The execution of the MLContext was cancelled.");
    }

    /// <summary>Warns if images are mirrored at random and the mirror image is also a view.</summary>
    public static void WarnOfMirrors(IChannel channel, IReadOnlyList<ImageAugmentation> augmentations, TransformationSet transformations, ImageShape shape)
    {
        if (MirrorsViews(augmentations, transformations, shape))
        {
            Warn(channel, $"Augmentations mirrors images at random, and the mirror image is a view of Transformations, {transformations}: "
                + "the network cannot tell which view it sees. Leave HorizontalFlip out of Augmentations.");
        }
    }

    /// <summary>Whether images are mirrored at random and the mirror image is also a view, so that the network cannot tell the two apart.</summary>
    public static bool MirrorsViews(IReadOnlyList<ImageAugmentation> augmentations, TransformationSet transformations, ImageShape shape)
    {
        if (!augmentations.OfType<HorizontalFlip>().Any())
            return false;

        int[] mirror = TransformationSet.HorizontalFlip[1].GetPermutation(shape);
        return transformations.Any(t => t.Objection(shape) is null && t.GetPermutation(shape).SequenceEqual(mirror));
    }

    /// <summary>Reads all rows of a view that have a label.</summary>
    /// <param name="channel">The log.</param>
    /// <param name="view">The view.</param>
    /// <param name="labels">Its label column.</param>
    /// <param name="features">Its feature column.</param>
    /// <param name="budget">The largest number of bytes of pixels to keep in memory.</param>
    /// <param name="checkLabels">Called before any image is decoded; throws if the labels of the rows do not suffice.</param>
    /// <returns>The rows, and the number of rows left out because their image cannot be read.</returns>
    public (RowSelection Rows, int Unreadable) ReadRows(
        IChannel channel, IDataView view, ClassLabels labels, FeatureColumn features, long budget, Action<IEnumerable<int>>? checkLabels = null)
    {
        var reader = new RowReader(view, labels.ColumnName, features, sameSize: _options.ImageWidth is null, Threads);
        var (store, rows, unlabelled, unreadable) = PixelStore.Read(
            reader, features.Shape, budget, _options.OnUnreadableImage == UnreadableImageHandling.Skip, CheckCancellation, checkLabels);
        Info(channel, $"{rows.Length} images of {features.Shape} in {labels.Count} classes"
            + (unlabelled > 0 ? $"; {unlabelled} rows without a label left out" : "")
            + (unreadable.Count > 0 ? $"; {unreadable.Count} rows with an unreadable image left out" : "")
            + (store.Resident < store.Count ? $"; {store.Resident} kept in memory, the others read again in each epoch" : ""));
        foreach (var (position, reason) in unreadable)
            Warn(channel, reader.Unreadable(position, reason).Message);
        return (new RowSelection(store, rows), unreadable.Count);
    }
}
