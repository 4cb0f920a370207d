namespace Microsoft.ML.Sla.SearchStudy;

/// <summary>An image file and its class.</summary>
internal sealed record LabelledImage(string ImagePath, string Label);

/// <summary>The images of a data set.</summary>
/// <param name="Train">Those that a run may look at: drawn by the seed.</param>
/// <param name="Test">Those that it is measured on, which are the same for all seeds.</param>
/// <param name="Channels">3 for colour, 1 for grey.</param>
/// <param name="Side">Width and height that they are brought to.</param>
internal sealed record Images(IReadOnlyList<LabelledImage> Train, IReadOnlyList<LabelledImage> Test, int Channels, int Side)
{
    private const int CifarTestOfClass = 200;
    private const int OmniglotTrainDrawings = 10;

    public static Images Of(string data, string folder, int seed) => data switch
    {
        "fashion" => Halves(folder, trainOfClass: int.MaxValue, testOfClass: int.MaxValue, seed, channels: 1, side: 28),
        "cifar10" => Halves(folder, trainOfClass: 100, testOfClass: CifarTestOfClass, seed, channels: 3, side: 32),
        "cifar10-250" => Halves(folder, trainOfClass: 250, testOfClass: CifarTestOfClass, seed, channels: 3, side: 32),
        "omniglot" => Omniglot(folder, seed),
        _ => throw new ArgumentException($"There is no data set '{data}'. There are fashion, cifar10, cifar10-250 and omniglot."),
    };

    private static Images Halves(string folder, int trainOfClass, int testOfClass, int seed, int channels, int side) =>
        new(Half(folder, "train", trainOfClass, seed), Half(folder, "test", testOfClass, seed: null), channels, side);

    private static List<LabelledImage> Half(string folder, string half, int most, int? seed)
    {
        var random = seed is { } drawn ? new Random(drawn) : null;
        var images = new List<LabelledImage>();
        foreach (string directory in Directory.GetDirectories(Path.Combine(folder, half)).Order(StringComparer.Ordinal))
        {
            string[] files = [.. Directory.GetFiles(directory).Order(StringComparer.Ordinal)];
            random?.Shuffle(files);
            images.AddRange(files.Take(most).Select(file => new LabelledImage(file, Path.GetFileName(directory))));
        }

        return images;
    }

    /// <summary>The first drawings of each character to train on, the others to test on: other people's hands.</summary>
    private static Images Omniglot(string folder, int seed)
    {
        var train = new List<LabelledImage>();
        var test = new List<LabelledImage>();
        foreach (string alphabet in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
        {
            foreach (string character in Directory.GetDirectories(alphabet).Order(StringComparer.Ordinal))
            {
                LabelledImage[] drawings = [.. Directory.GetFiles(character).Order(StringComparer.Ordinal).Select(file => new LabelledImage(file, Path.GetFileName(alphabet)))];
                train.AddRange(drawings.Take(OmniglotTrainDrawings));
                test.AddRange(drawings.Skip(OmniglotTrainDrawings));
            }
        }

        LabelledImage[] shuffled = [.. train];
        new Random(seed).Shuffle(shuffled);
        return new Images(shuffled, test, Channels: 1, Side: 28);
    }
}
