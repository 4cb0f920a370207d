using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Studies;

/// <summary>The images of a training run: those to train on are drawn by its seed.</summary>
internal static class DataSet
{
    private const string Cifar = "cifar10";
    private const string Fashion = "fashion-mnist";
    private const string QuickStart = "quick-start";
    private const string Omniglot = "omniglot";
    private const int CifarSide = 32;
    private const int Classes = 10;
    private const int Alphabets = 5;

    /// <exception cref="FormatException">There is no such data set.</exception>
    public static int Channels(string data) => data switch
    {
        Cifar => 3,
        Fashion or QuickStart or Omniglot => 1,
        _ => throw new FormatException($"There are no data '{data}': there are {Cifar}, {Fashion}, {Omniglot} and {QuickStart}."),
    };

    /// <summary>Width and height that images are resized to; null where they have a size of their own that suits.</summary>
    public static int? Side(string data) => data == Omniglot ? FashionMnist.Side : null;

    /// <exception cref="FormatException">The run asks for what its data do not have.</exception>
    public static void Check(TrainingRun run)
    {
        if (run is { Data: QuickStart, PilotImagesPerClass: not null })
            throw new FormatException($"A run on {QuickStart} has no pilot: it is measured on images of the training half already.");
    }

    /// <summary>Number of classes that a run trains on.</summary>
    public static int CountClasses(TrainingRun run) => ClassNames(run)?.Length ?? (run.Data == Omniglot ? Alphabets : Classes);

    public static Images Of(TrainingRun run, Arguments arguments) => run.Data switch
    {
        Cifar => OfCifar(run, arguments.Cifar),
        Fashion => OfFashion(run, arguments.Fashion),
        Omniglot => OfOmniglot(run, arguments),
        _ => OfQuickStart(run, ImageFiles.QuickStart(arguments)),
    };

    /// <summary>Channels, height and width of the images of a run, and the bytes of each, planes in the order red, green, blue.</summary>
    public static (IReadOnlyList<long> Shape, Func<IDataView, IEnumerable<byte[]>> Pixels) Read(TrainingRun run, Images images) => run.Data == Fashion
        ? ([1, FashionMnist.Side, FashionMnist.Side], rows => rows.GetColumn<byte[]>(Images.Column))
        : ([3, CifarSide, CifarSide], rows => images.MLContext.Transforms.ResizeImages("Pixels", CifarSide, CifarSide, Images.Column)
            .Append(images.MLContext.Transforms.ExtractPixels("Pixels", outputAsFloatArray: false)).Fit(rows).Transform(rows).GetColumn<byte[]>("Pixels"));

    private static Images OfCifar(TrainingRun run, string folder)
    {
        var (training, pilot) = Draw(run, OfHalf("train", run, folder));
        return Images.OfFiles(
            run.Seed, training, pilot ?? OfHalf("test", run, folder).SelectMany(files => run.TestImagesPerClass is { } count ? ImageFiles.First(files, count) : files));
    }

    /// <summary>The images to train on, and those of a pilot, which are others.</summary>
    private static (IEnumerable<T> Training, IEnumerable<T>? Pilot) Draw<T>(TrainingRun run, IEnumerable<T[]> classes)
    {
        T[][] drawn = [.. ImageFiles.Draw(run.Seed, classes, number => CountOf(run, number) + (run.PilotImagesPerClass ?? 0))];
        return (
            drawn.Index().SelectMany(ofClass => ofClass.Item.Take(CountOf(run, ofClass.Index))),
            run.PilotImagesPerClass is null ? null : drawn.Index().SelectMany(ofClass => ofClass.Item.Skip(CountOf(run, ofClass.Index))));
    }

    private static IEnumerable<ImageFile[]> OfHalf(string half, TrainingRun run, string folder)
    {
        string[]? names = ClassNames(run);
        return ImageFiles.OfHalf(folder, half).Where(files => names is null || names.Contains(files[0].Label));
    }

    private static string[]? ClassNames(TrainingRun run) => run.Classes?.Split(',');

    /// <summary>Images of a class: all the same, or with a long tail (Cao et al. 2019).</summary>
    private static int CountOf(TrainingRun run, int number) => run.Ratio is { } ratio
        ? (int)Math.Round(run.ImagesPerClass * Math.Pow(1.0 / ratio, number / (CountClasses(run) - 1.0)))
        : run.ImagesPerClass;

    private static Images OfFashion(TrainingRun run, string folder)
    {
        var classes = FashionMnist.Read(folder, "train").GroupBy(image => image.Label).OrderBy(ofClass => ofClass.Key).Select(ofClass => ofClass.ToArray());
        var (training, pilot) = Draw(run, classes);
        return Images.OfPixels(run.Seed, training, pilot ?? FashionMnist.Read(folder, FashionMnist.Test));
    }

    /// <summary>Letters, by their alphabets.</summary>
    private static Images OfOmniglot(TrainingRun run, Arguments arguments)
    {
        var (alphabets, test) = ImageFiles.OmniglotAlphabets(arguments);
        var (training, pilot) = Draw(run, alphabets);
        return Images.OfFiles(run.Seed, training, pilot ?? test.SelectMany(drawings => drawings));
    }

    /// <summary>Of each class in <c>train</c>, a quarter is kept to measure on: the quick start's test images choose nothing.</summary>
    private static Images OfQuickStart(TrainingRun run, string folder)
    {
        int kept = run.ImagesPerClass / 3;
        var classes = ImageFiles.OfHalf(folder, "train").Select(files => ImageFiles.First(files, run.ImagesPerClass + kept));
        ImageFile[][] drawn = [.. ImageFiles.Draw(run.Seed, classes, _ => run.ImagesPerClass + kept)];
        return Images.OfFiles(run.Seed, drawn.SelectMany(files => files.Skip(kept)), drawn.SelectMany(files => files.Take(kept)));
    }
}
