using System.IO.Compression;
using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Tests;

public sealed record LabelledImage(string ImagePath, string Label);

/// <summary>Real images for tests: those of the quick start, unpacked once for a test process.</summary>
public static class FashionImages
{
    private static readonly Lazy<string> Unpacked = new(Unpack);

    /// <summary>The folder of <c>train</c> and <c>test</c>, each with a folder of images for each class.</summary>
    public static string Folder => Unpacked.Value;

    /// <summary>Images of the training half, <paramref name="perClass"/> of each of the first classes in order of name.</summary>
    public static LabelledImage[] Train(int classes, int perClass) => List("train", classes, perClass);

    /// <summary>Images of the training half, as many of each of the first classes as said: uneven classes.</summary>
    public static LabelledImage[] TrainUneven(params int[] counts) =>
        [.. counts.SelectMany((count, label) => Train(classes: label + 1, count).TakeLast(count))];

    /// <summary>Images of the test half.</summary>
    public static LabelledImage[] Test(int classes, int perClass) => List("test", classes, perClass);

    /// <summary>Paths of images of the test half, of one class.</summary>
    public static string[] TestOf(string label, int count) => [.. Test(classes: int.MaxValue, count).Where(image => image.Label == label).Select(image => image.ImagePath)];

    /// <summary>Writes a copy of an image as a JPEG file, or of another kind by the ending of its name.</summary>
    public static void CopyAsJpeg(string path, string target)
    {
        using var image = MLImage.CreateFromFile(path);
        image.Save(target);
    }

    /// <summary>Writes images as JPEG files into a folder for each class, or into one folder.</summary>
    public static void WritePhotos(string folder, LabelledImage[] images, bool ofClasses = true)
    {
        foreach (var image in images)
        {
            string target = ofClasses ? Path.Combine(folder, image.Label) : folder;
            Directory.CreateDirectory(target);
            CopyAsJpeg(image.ImagePath, Path.Combine(target, $"{image.Label}-{Path.GetFileNameWithoutExtension(image.ImagePath)}.jpg"));
        }
    }

    private static LabelledImage[] List(string half, int classes, int perClass) =>
    [
        .. Directory.GetDirectories(Path.Combine(Folder, half)).Order(StringComparer.Ordinal).Take(classes)
            .SelectMany(folder => Directory.GetFiles(folder).Order(StringComparer.Ordinal).Take(perClass)
                .Select(path => new LabelledImage(path, Path.GetFileName(folder)))),
    ];

    private static string Unpack()
    {
        string folder = Directory.CreateTempSubdirectory("sla-tests-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist.zip"), folder);
        return folder;
    }
}
