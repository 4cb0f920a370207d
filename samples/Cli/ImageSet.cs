using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Sla;

/// <summary>An image file and its class.</summary>
internal sealed record LabelledImage(string ImagePath, string Label);

/// <summary>An image file to predict the class of: what a saved model starts from.</summary>
internal sealed class ImageFile
{
    public string ImagePath { get; set; } = "";
}

/// <summary>Labelled image files: a folder with one folder a class, or a list.</summary>
internal sealed class ImageSet
{
    private static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase) { ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp" };

    private ImageSurvey? _survey;

    private ImageSet(string source, IEnumerable<LabelledImage> images)
    {
        Source = source;
        Images = [.. images];
        Classes = [.. Images.Select(image => image.Label).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>The folder or list that it was read from.</summary>
    public string Source { get; }

    /// <summary>The folder that paths are shown from: the source, or that of the list.</summary>
    public string Folder => Directory.Exists(Source) ? Source : Path.GetDirectoryName(Path.GetFullPath(Source))!;

    /// <summary>The images, in the same order on every machine.</summary>
    public IReadOnlyList<LabelledImage> Images { get; }

    /// <summary>The names of the classes, in ordinal order.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Reads a folder whose folders are the classes; images may lie deeper. Says what it leaves out.</summary>
    /// <exception cref="InputException">There is no such folder, or no image in it.</exception>
    public static ImageSet OfFolder(string folder)
    {
        if (File.Exists(folder))
            throw new InputException($"'{folder}' is a file. Give a folder, or a list with --list.");
        if (!Directory.Exists(folder))
            throw new InputException($"There is no folder '{folder}'.");

        var images = new List<LabelledImage>();
        string[] classes = [.. Directory.GetDirectories(folder).Where(IsVisible).Order(StringComparer.Ordinal)];
        foreach (string directory in classes)
        {
            string[] files = [.. Directory.GetFiles(directory, "*", SearchOption.AllDirectories).Where(IsVisible).Order(StringComparer.Ordinal)];
            string[] found = [.. files.Where(IsImage)];
            string name = Path.GetFileName(directory);
            images.AddRange(found.Select(file => new LabelledImage(file, name)));
            NoteLeftOut(files.Except(found).ToList(), "not named as an image");
            if (found.Length == 0)
                Terminal.Note($"The folder '{directory}' has no images. It is not used as a class.");
        }

        NoteLeftOut([.. Directory.GetFiles(folder).Where(file => IsVisible(file) && IsImage(file))], "not in the folder of a class");
        if (images.Count == 0)
            throw new InputException($"There is no image in '{folder}'. It needs a folder for each class, with the images in it ({string.Join(", ", Extensions)}).");
        return new ImageSet(folder, images);
    }

    /// <summary>Reads a list of lines <c>path TAB label</c>, with paths from the folder of the list; a first line "path label" is a heading.</summary>
    /// <exception cref="InputException">There is no such file, or a line or a file that it names cannot be used.</exception>
    public static ImageSet OfList(string path)
    {
        if (!File.Exists(path))
            throw new InputException($"There is no file '{path}'.");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var images = new List<LabelledImage>();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (line.Trim().Length == 0 || (number == 1 && line.StartsWith("path\t", StringComparison.OrdinalIgnoreCase)))
                continue;
            string[] fields = line.Split('\t');
            if (fields.Length != 2 || fields[1].Trim().Length == 0)
                throw new InputException($"Line {number} of '{path}' cannot be used: '{line}'. A line is the path of an image, a tab and the label.");
            string file = Path.Combine(folder, fields[0]);
            if (!File.Exists(file))
                throw new InputException($"Line {number} of '{path}' names '{fields[0]}'. There is no file '{file}'.");
            images.Add(new LabelledImage(file, fields[1].Trim()));
        }

        return images.Count > 0 ? new ImageSet(path, images) : throw new InputException($"'{path}' lists no images.");
    }

    /// <summary>Reads a folder of other images of these classes; null where there is none.</summary>
    /// <exception cref="InputException">There is no such folder, no image in it, or one of another class.</exception>
    public ImageSet? OfSameClasses(string? folder)
    {
        var others = folder is null ? null : OfFolder(folder);
        others?.CheckClasses([.. Classes], $"'{Source}'");
        return others;
    }

    /// <exception cref="InputException">There is an image of a class that the model or the training images do not have.</exception>
    public void CheckClasses(IReadOnlyCollection<string> known, string whose)
    {
        if (Images.FirstOrDefault(image => !known.Contains(image.Label)) is { } image)
        {
            throw new InputException(
                $"'{image.ImagePath}' is of the class '{image.Label}'. {whose} has no such class. It has {string.Join(", ", known.Take(10))}{(known.Count > 10 ? ", ..." : "")}.");
        }
    }

    /// <summary>Some of the images, by their places.</summary>
    public ImageSet Take(IEnumerable<long> rows) => new(Source, rows.Select(row => Images[(int)row]));

    /// <summary>
    /// Looks at some of the images: their sizes, and whether all are grey. What cannot be read is left out: the training
    /// names it.
    /// </summary>
    public ImageSurvey Survey() => _survey ??= NewSurvey();

    private ImageSurvey NewSurvey()
    {
        const int Looked = 64;
        var mlContext = new MLContext();
        string[] paths = [.. Images.Where((_, i) => i % Math.Max(1, Images.Count / Looked) == 0).Take(Looked).Select(image => image.ImagePath)];
        var files = mlContext.Data.LoadFromEnumerable(paths.Select(path => new ImageFile { ImagePath = path }));
        var images = Pipeline.Load(mlContext, files, Pipeline.ImageColumn, ImageSurvey.LargestSide);
        using var cursor = images.GetRowCursor([images.Schema[Pipeline.ImageColumn]]);
        var getImage = cursor.GetGetter<MLImage>(images.Schema[Pipeline.ImageColumn]);
        var sizes = new List<(int Width, int Height)>();
        bool areGrey = true;
        MLImage pixels = null!;
        while (cursor.MoveNext())
        {
            try
            {
                getImage(ref pixels);
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException)
            {
                continue;
            }

            // The pixels are those of a reduced size; the header has that of the file.
            using var header = SKCodec.Create(paths[cursor.Position]);
            if (header is null)
                continue;
            sizes.Add((header.Info.Width, header.Info.Height));
            areGrey = areGrey && IsGrey(pixels);
        }

        return new ImageSurvey(sizes, areGrey && sizes.Count > 0);
    }

    private static bool IsGrey(MLImage image)
    {
        var pixels = image.Pixels;
        for (int i = 0; i + 3 < pixels.Length; i += 4)
        {
            if (pixels[i] != pixels[i + 1] || pixels[i] != pixels[i + 2])
                return false;
        }

        return true;
    }

    private static bool IsImage(string file) => Extensions.Contains(Path.GetExtension(file));

    private static bool IsVisible(string path) => !Path.GetFileName(path).StartsWith('.');

    private static void NoteLeftOut(List<string> files, string why)
    {
        if (files.Count > 0)
            Terminal.Note(string.Create(CultureInfo.InvariantCulture, $"Left out '{files[0]}'{(files.Count > 1 ? $" and {files.Count - 1} more" : "")}: {why}."));
    }
}

/// <summary>What some of the images are like.</summary>
/// <param name="Sizes">Width and height of each.</param>
/// <param name="AreGrey">Whether all are grey.</param>
internal sealed record ImageSurvey(IReadOnlyList<(int Width, int Height)> Sizes, bool AreGrey)
{
    /// <summary>The side for photos.</summary>
    public const int LargestSide = 64;

    private const int SmallestSide = 16;

    /// <summary>The median of the shorter sides, in pixels; 0 where no image can be read.</summary>
    public int TypicalSide => Sizes.Count == 0 ? 0 : Sizes.Select(size => Math.Min(size.Width, size.Height)).Order().ElementAt(Sizes.Count / 2);

    /// <summary>
    /// A side for training on this machine: that of the images, to a multiple of 8, where they are small, and 64 pixels for photos,
    /// which a processor without a GPU learns from in minutes rather than hours.
    /// </summary>
    public int Side()
    {
        if (Sizes.Count == 0)
            return LargestSide;
        if (Sizes.All(size => size == Sizes[0]) && Sizes[0].Width == Sizes[0].Height && Sizes[0].Width is >= SmallestSide and <= LargestSide)
            return Sizes[0].Width;
        return Math.Clamp(TypicalSide / 8 * 8, SmallestSide, LargestSide);
    }
}
