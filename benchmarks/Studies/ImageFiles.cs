using System.IO.Compression;

namespace Microsoft.ML.Sla.Studies;

/// <summary>An image file and its class.</summary>
internal sealed record ImageFile(string ImagePath, string Label);

/// <summary>Lists the image files of the data sets, in the same order on every machine, and draws of them.</summary>
internal static class ImageFiles
{
    private const string Clothes = "clothes";
    private const string Grocery = "grocery";
    private const int OmniglotTrainingDrawings = 10;

    /// <summary>The folder of a data set of photos, and the name of the half of it that is measured on.</summary>
    /// <exception cref="FormatException">There are no such photos.</exception>
    public static (string Folder, string Test) OfPhotos(string data, Arguments arguments) => data switch
    {
        Clothes => (arguments.Clothes, "test"),
        Grocery => (arguments.Grocery, "validation"),
        _ => throw new FormatException($"There are no photos '{data}': there are {Clothes} and {Grocery}."),
    };

    /// <summary>The files of each class in one half of a data set.</summary>
    /// <param name="folder">A folder with <c>train/CLASS/*</c> and <c>test/CLASS/*</c>.</param>
    /// <param name="half"><c>train</c> or <c>test</c>.</param>
    public static IReadOnlyList<ImageFile[]> OfHalf(string folder, string half) =>
        [.. Directory.GetDirectories(Path.Combine(folder, half)).Order(StringComparer.Ordinal).Select(ofClass =>
            Directory.GetFiles(ofClass).Order(StringComparer.Ordinal).Select(path => new ImageFile(path, Path.GetFileName(ofClass))).ToArray())];

    /// <summary>The folder of the quick start's images, unpacked.</summary>
    public static string QuickStart(Arguments arguments) => Unpack(arguments.QuickStart, arguments);

    /// <summary>The drawings of one of Omniglot's small background sets, with their alphabets and characters.</summary>
    /// <param name="arguments">Say where its zip file is.</param>
    /// <param name="set">1 or 2.</param>
    public static IEnumerable<(string Path, string Alphabet, string Character)> Omniglot(Arguments arguments, int set) =>
        from path in Directory.GetFiles(Unpack(Path.Combine(arguments.Omniglot, $"omniglot-images_background_small{set}.zip"), arguments), "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        let character = Path.GetDirectoryName(path)!
        select (path, Path.GetFileName(Path.GetDirectoryName(character)!), Path.GetFileName(character));

    /// <summary>The drawings of each alphabet of the first background set: the first ones of each character to train on, and other people's to measure on.</summary>
    /// <param name="arguments">Say where its zip file is.</param>
    public static (IReadOnlyList<ImageFile[]> Training, IReadOnlyList<ImageFile[]> Test) OmniglotAlphabets(Arguments arguments)
    {
        var characters = Omniglot(arguments, set: 1).GroupBy(drawing => (drawing.Alphabet, drawing.Character), drawing => new ImageFile(drawing.Path, drawing.Alphabet)).ToArray();
        return (OfAlphabets(drawings => drawings.Take(OmniglotTrainingDrawings)), OfAlphabets(drawings => drawings.Skip(OmniglotTrainingDrawings)));

        IReadOnlyList<ImageFile[]> OfAlphabets(Func<IEnumerable<ImageFile>, IEnumerable<ImageFile>> some) =>
            [.. characters.GroupBy(drawings => drawings.Key.Alphabet).Select(alphabet => alphabet.SelectMany(some).ToArray())];
    }

    /// <summary>Draws of each class. The whole class is shuffled, so that a larger sample contains every smaller one.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="classes">The images of each class.</param>
    /// <param name="count">How many, by the number of the class.</param>
    /// <exception cref="InvalidDataException">A class has fewer.</exception>
    public static IEnumerable<T[]> Draw<T>(int seed, IEnumerable<T[]> classes, Func<int, int> count)
    {
        var random = new Random(seed);
        foreach (var (number, ofClass) in classes.Index())
        {
            T[] shuffled = [.. ofClass];
            random.Shuffle(shuffled);
            yield return First(shuffled, count(number));
        }
    }

    /// <summary>The first images of a class.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public static T[] First<T>(T[] ofClass, int count) => count <= ofClass.Length
        ? ofClass[..count]
        : throw new InvalidDataException($"There are {ofClass.Length} images of a class, and {count} are asked for.");

    /// <summary>Makes a folder where it is not there, whole or not at all.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="fill">Fills another folder, which becomes it.</param>
    /// <returns>The folder.</returns>
    public static string Make(string folder, Action<string> fill)
    {
        if (Directory.Exists(folder))
            return folder;

        // Another process may make it at the same time.
        string part = $"{folder}-{Environment.ProcessId}";
        fill(part);
        try
        {
            Directory.Move(part, folder);
        }
        catch (IOException) when (Directory.Exists(folder))
        {
            Directory.Delete(part, recursive: true);
        }

        return folder;
    }

    private static string Unpack(string zip, Arguments arguments) =>
        Make(Path.Combine(arguments.ArtifactsOf("images"), Path.GetFileNameWithoutExtension(zip)), part => ZipFile.ExtractToDirectory(zip, part));
}
