using System.IO.Compression;

namespace Microsoft.ML.Sla.Studies;

/// <summary>An image file and its class.</summary>
internal sealed record ImageFile(string ImagePath, string Label);

/// <summary>Lists the image files of the data sets, in the same order on every machine, and draws of them.</summary>
internal static class ImageFiles
{
    /// <summary>Files of a zip file are unpacked here.</summary>
    private static readonly string Unpacked = Path.Combine("artifacts", "studies", "images");

    /// <summary>The files of each class in one half of a data set.</summary>
    /// <param name="folder">A folder with <c>train/CLASS/*</c> and <c>test/CLASS/*</c>.</param>
    /// <param name="half"><c>train</c> or <c>test</c>.</param>
    public static IReadOnlyList<ImageFile[]> OfHalf(string folder, string half) =>
        [.. Directory.GetDirectories(Path.Combine(folder, half)).Order(StringComparer.Ordinal).Select(ofClass =>
            Directory.GetFiles(ofClass).Order(StringComparer.Ordinal).Select(path => new ImageFile(path, Path.GetFileName(ofClass))).ToArray())];

    /// <summary>The folder of the quick start's images, which are unpacked where they are a zip file.</summary>
    public static string QuickStart(string zipOrFolder) => Directory.Exists(zipOrFolder) ? zipOrFolder : Unpack(zipOrFolder);

    /// <summary>The drawings of one of Omniglot's small background sets, with their alphabets and characters.</summary>
    /// <param name="folder">The folder of its zip file.</param>
    /// <param name="set">1 or 2.</param>
    public static IEnumerable<(string Path, string Alphabet, string Character)> Omniglot(string folder, int set) =>
        from path in Directory.GetFiles(Unpack(Path.Combine(folder, $"omniglot-images_background_small{set}.zip")), "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        let character = Path.GetDirectoryName(path)!
        select (path, Path.GetFileName(Path.GetDirectoryName(character)!), Path.GetFileName(character));

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

    private static string Unpack(string zip)
    {
        string folder = Path.Combine(Unpacked, Path.GetFileNameWithoutExtension(zip));
        if (Directory.Exists(folder))
            return folder;

        // Another process may unpack it at the same time.
        string part = $"{folder}-{Environment.ProcessId}";
        ZipFile.ExtractToDirectory(zip, part);
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
}
