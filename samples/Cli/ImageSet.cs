using System.Globalization;
using System.Security.Cryptography;
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
    /// <summary>Names of folders that are parts of a data set, and no classes.</summary>
    private const string Training = "train";
    private static readonly string[] Validating = ["val", "valid", "validation"];
    private const string Testing = "test";

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

    /// <summary>How many images were left out because they cannot be read.</summary>
    public int Unreadable { get; private init; }

    /// <summary>Reads a folder whose folders are the classes; images may lie deeper. Says what it leaves out.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="skipUnreadable">Whether to leave out folders that cannot be read.</param>
    /// <exception cref="InputException">There is no such folder, no image in it, or it has a folder that cannot be read.</exception>
    public static ImageSet OfFolder(string folder, bool skipUnreadable = false)
    {
        if (File.Exists(folder))
            throw new InputException($"'{folder}' is a file. Give a folder, or a list with --list.");
        if (!Directory.Exists(folder))
            throw new InputException($"There is no folder '{folder}'.");

        string[] classes = SubFolders(folder);
        CheckIsNoSplit(folder, classes);
        var walk = new FolderWalk((unread, why) =>
        {
            string message = $"The folder '{unread}' cannot be read: {why.Message}";
            if (!skipUnreadable)
                throw new InputException($"{message} To leave it out, add --skip-unreadable.", why);
            Terminal.Note($"{message} It is left out.");
        });
        var found = walk.Find(classes, above: folder);
        walk.Note();
        foreach (var (directory, _) in classes.Zip(found).Where(pair => pair.Second.Count == 0))
            Terminal.Note($"The folder '{directory}' has no images. It is not used as a class.");
        string[] outside = [.. Directory.GetFiles(folder).Where(file => FolderWalk.IsVisible(file) && FolderWalk.IsImage(file)).Order(StringComparer.Ordinal)];
        if (classes.Length == 0 && outside.Length > 0)
        {
            throw new InputException(
                $"'{folder}' has {Plural.Of(outside.Length, "image")} and no folders of classes. Put the images of each class into a folder of its own. If '{folder}' is a class, give the folder that it is in.");
        }

        FolderWalk.NoteLeftOut(outside, "not in the folder of a class");
        var images = classes.Zip(found).SelectMany(pair => pair.Second.Select(file => new LabelledImage(file, Path.GetFileName(pair.First)))).ToList();
        if (images.Count == 0)
            throw new InputException($"There is no image in '{folder}'. It needs a folder for each class, with the images in it ({FolderWalk.Endings}).");
        return new ImageSet(folder, WithOneSpelling(images));
    }

    /// <summary>Reads a list of lines <c>path TAB label</c>, with paths from the folder of the list; a first line "path label" is a heading.</summary>
    /// <exception cref="InputException">There is no such file, or a line or a file that it names cannot be used.</exception>
    public static ImageSet OfList(string path) => new(path, WithOneSpelling(ImageList.Read(path)));

    /// <summary>Reads a folder of other images of these classes; null where there is none.</summary>
    /// <exception cref="InputException">There is no such folder, no image in it, or one of another class.</exception>
    public ImageSet? OfSameClasses(string? folder, bool skipUnreadable) =>
        folder is null ? null : OfFolder(folder, skipUnreadable).OfClasses(Classes, $"'{Source}'");

    /// <summary>The images with their classes spelled as a model or other images spell them.</summary>
    /// <param name="names">The classes of the model or the other images.</param>
    /// <param name="whose">Whose classes they are, for a message.</param>
    /// <exception cref="InputException">There is an image of another class.</exception>
    public ImageSet OfClasses(IReadOnlyCollection<string> names, string whose)
    {
        var spellings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string name in names)
            spellings.TryAdd(FormC.Of(name), name);
        if (Images.FirstOrDefault(image => !spellings.ContainsKey(image.Label)) is { } image)
        {
            throw new InputException(
                $"'{image.ImagePath}' is of the class '{image.Label}'. {whose} has no such class. It has {string.Join(", ", names.Take(10))}{(names.Count > 10 ? ", ..." : "")}.");
        }

        return new ImageSet(Source, Images.Select(image => image with { Label = spellings[image.Label] }));
    }

    /// <summary>The images that can be read. Names the others, and the classes that have no other.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public ImageSet WithoutUnreadableImages()
    {
        var failures = Failures();
        foreach (var failure in failures.OfType<Exception>())
            Terminal.Note($"{Failure.MessageOf(failure)} It is left out.");
        var readable = new ImageSet(Source, Images.Where((_, i) => failures[i] is null)) { Unreadable = failures.Count(failure => failure is not null) };
        foreach (string name in Classes.Except(readable.Classes))
            Terminal.Note($"No image of the class '{name}' can be read, of {Plural.Of(Images.Count(image => image.Label == name), "image")}. The class is left out.");
        return readable.Images.Count > 0 ? readable : throw new InputException($"No image in '{Source}' can be read.");
    }

    /// <summary>Runs work on the images. Where one of them cannot be used, the error names all such images, and says how to leave them out.</summary>
    /// <exception cref="InputException">An image cannot be used.</exception>
    public T Using<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception exception) when (ImageOf(exception) is { } named)
        {
            const int Most = 5;
            var failures = Failures();
            string[] others = [.. Images.Where((image, i) => failures[i] is not null && image != named).Select(image => $"'{image.ImagePath}'")];
            string neither = others.Length == 0 ? "" : $" Nor can {string.Join(", ", others.Take(Most))}{(others.Length > Most ? $" and {others.Length - Most} more" : "")}.";
            string them = others.Length == 0 ? "it" : "them";
            throw new InputException($"{Failure.MessageOf(exception)}{neither} Repair or remove {them}, or add --skip-unreadable to leave {them} out.", exception);
        }
    }

    /// <summary>Says what a developer would want to look at before a training: classes of names that differ in case only, or of a single image, and images of two classes.</summary>
    public void NoteDoubts()
    {
        var counts = Images.CountBy(image => image.Label).ToDictionary();
        foreach (var names in Classes.GroupBy(name => name, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1))
            Terminal.Note($"The classes {string.Join(" and ", names.Select(name => $"'{name}'"))} differ in capital letters only. They are {names.Count()} classes.");
        string[] single = [.. Classes.Where(name => counts[name] == 1)];
        if (single.Length > 0)
            Terminal.Note($"The class '{VisibleText.Shortened(single[0])}'{(single.Length > 1 ? $" and {single.Length - 1} more have" : " has")} a single image. Add images, or leave it out.");
        NoteSameImages();
    }

    /// <summary>The classes with their numbers of images, in one line. Of many classes, the first.</summary>
    public string ClassCounts()
    {
        const int Most = 20;
        var counts = Images.CountBy(image => image.Label).ToDictionary();
        var shown = Classes.Take(Most).Select(name => string.Create(CultureInfo.InvariantCulture, $"{VisibleText.Shortened(name)} {counts[name]}"));
        return $"{Plural.Of(Classes.Count, "class")} with {Plural.Of(Images.Count, "image")}: {string.Join(", ", shown)}{(Classes.Count > Most ? $", and {Classes.Count - Most} more" : "")}.";
    }

    /// <summary>Some of the images, by their places.</summary>
    public ImageSet Take(IEnumerable<long> rows) => new(Source, rows.Select(row => Images[(int)row]));

    /// <summary>
    /// Looks at some of the images: their sizes, and whether all are grey. What cannot be read is left out: the training
    /// names it.
    /// </summary>
    public ImageSurvey Survey() => _survey ??= NewSurvey();

    /// <summary>Why each image cannot be read; null where it can.</summary>
    private List<Exception?> Failures()
    {
        const int Together = 64;
        return [.. Images.Select(image => image.ImagePath).Chunk(Together).AsParallel().AsOrdered().SelectMany(paths => Pipeline.Decode(paths, ImageSurvey.LargestSide).Select(decoded => decoded.Failure).ToList())];
    }

    /// <summary>The image that an error is about; null where it is about none.</summary>
    private LabelledImage? ImageOf(Exception exception)
    {
        string message = Failure.CauseOf(exception).Message;
        return Images.FirstOrDefault(image => message.Contains($"'{image.ImagePath}' cannot be used", StringComparison.Ordinal));
    }

    /// <summary>Names files with the same bytes in two classes. Only files of one length are read.</summary>
    private void NoteSameImages()
    {
        var doubtful = Images.GroupBy(image => new FileInfo(image.ImagePath).Length).Where(AreOfTwoClasses).SelectMany(group => group);
        var same = doubtful.GroupBy(image => HashOf(image.ImagePath)).Where(AreOfTwoClasses).ToList();
        if (same.Count == 0)
            return;
        var first = same[0].First();
        var second = same[0].First(image => image.Label != first.Label);
        Terminal.Note(
            $"'{first.ImagePath}' and '{second.ImagePath}' are the same image, in the classes '{first.Label}' and '{second.Label}'. Remove the wrong one.{(same.Count > 1 ? $" There {(same.Count == 2 ? "is" : "are")} {same.Count - 1} more of this kind." : "")}");
    }

    private static bool AreOfTwoClasses(IEnumerable<LabelledImage> images) => images.Select(image => image.Label).Distinct().Skip(1).Any();

    private static string HashOf(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Convert.ToHexString(SHA256.HashData(file));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The training names what cannot be read.
            return path;
        }
    }

    private ImageSurvey NewSurvey()
    {
        const int Looked = 64;
        string[] paths = [.. Images.Where((_, i) => i % Math.Max(1, Images.Count / Looked) == 0).Take(Looked).Select(image => image.ImagePath)];
        var sizes = new List<(int Width, int Height)>();
        bool areGrey = true;
        foreach (var (path, pixels, _) in Pipeline.Decode(paths, ImageSurvey.LargestSide))
        {
            // The pixels are those of a reduced size; the header has that of the file.
            using var header = pixels is null ? null : SKCodec.Create(path);
            if (header is null)
                continue;
            sizes.Add((header.Info.Width, header.Info.Height));
            areGrey = areGrey && IsGrey(pixels!);
        }

        return new ImageSurvey(sizes, areGrey && sizes.Count > 0);
    }

    /// <summary>The images with labels in form C, so that names which look the same are the same. Says which are joined.</summary>
    private static IEnumerable<LabelledImage> WithOneSpelling(List<LabelledImage> images)
    {
        foreach (var spellings in images.Select(image => image.Label).Distinct().GroupBy(FormC.Of).Where(group => group.Count() > 1))
            Terminal.Note($"The class '{spellings.Key}' is there in {spellings.Count()} spellings, whose letters and accents are encoded differently. They are one class.");
        return images.Select(image => image with { Label = FormC.Of(image.Label) });
    }

    private static string[] SubFolders(string folder)
    {
        try
        {
            return [.. Directory.GetDirectories(folder).Where(FolderWalk.IsVisible).Order(StringComparer.Ordinal)];
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new InputException($"The folder '{folder}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Refuses a data set whose folders are for training and measuring. Their folders are the classes.</summary>
    private static void CheckIsNoSplit(string folder, string[] subFolders)
    {
        string? Named(params string[] names) => subFolders.FirstOrDefault(path => names.Contains(Path.GetFileName(path), StringComparer.OrdinalIgnoreCase));

        string? training = Named(Training), validation = Named(Validating), test = Named(Testing);
        string?[] parts = [training, validation, test];
        if (training is null || (validation ?? test) is null || parts.Any(part => part is not null && !HoldsClasses(part)))
            return;
        string train = $"--images {ShellCommand.Quoted(training)}{(validation is null ? "" : $" --validation {ShellCommand.Quoted(validation)}")}";
        string evaluate = test is null ? "" : $" Measure the model with: sla evaluate --images {ShellCommand.Quoted(test)}.";
        throw new InputException($"'{folder}' has the folders {string.Join(", ", parts.Where(part => part is not null).Select(part => $"'{Path.GetFileName(part)}'"))}, and each of them has the classes. Train with: {train}.{evaluate}");
    }

    private static bool HoldsClasses(string folder) => SubFolders(folder).Length > 0 && !Directory.EnumerateFiles(folder).Any(FolderWalk.IsImage);

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
