using System.IO.Compression;
using Microsoft.ML.Sla;

namespace FewShotStudy;

/// <summary>An image file and the name of its class.</summary>
internal sealed record LabelledImage(string ImagePath, string Label);

/// <summary>Images of classes to train on and of others to measure, and how.</summary>
/// <param name="TrainingImages">Images to train on.</param>
/// <param name="EvaluationImages">Images of other classes.</param>
/// <param name="Sizes">Ways and shots of the episodes that are measured.</param>
/// <param name="Episodes">Number of episodes to train on.</param>
/// <param name="Options">What is the study's own of the trainer's options.</param>
internal sealed record Study(
    IReadOnlyList<LabelledImage> TrainingImages,
    IReadOnlyList<LabelledImage> EvaluationImages,
    IReadOnlyList<(int Ways, int Shots)> Sizes,
    int Episodes,
    Func<SlaFewShotTrainer.Options> Options)
{
    /// <summary>Characters of five alphabets, and of three others; 20 drawings of each character.</summary>
    public static Study Omniglot(string folder)
    {
        string[] others = ["Japanese_(katakana)", "Sanskrit", "Tagalog"];
        return new Study(
            [.. Characters("omniglot-images_background_small1.zip", _ => true)],
            [.. Characters("omniglot-images_background_small2.zip", others.Contains)],
            [(5, 1), (5, 5), (20, 1), (20, 5)],
            Episodes: 2000,
            () => new SlaFewShotTrainer.Options
            {
                Architecture = Architecture.ConvNet(32),
                ImageWidth = 28,
                ImageHeight = 28,
                Channels = 1,
                Ways = 20,
                Shots = 5,
                Queries = 5,
                Augmentations = [ImageAugmentation.RandomCrop(2)],
            });

        IEnumerable<LabelledImage> Characters(string zip, Func<string, bool> isWanted)
        {
            string unpacked = Path.Combine("artifacts", "few-shot-study", Path.GetFileNameWithoutExtension(zip));
            if (!Directory.Exists(unpacked))
                ZipFile.ExtractToDirectory(Path.Combine(folder, zip), unpacked);
            return List(unpacked, "*.png")
                .Select(path => (Path: path, Character: Path.GetDirectoryName(path)!))
                .Select(image => (image.Path, Character: Path.GetFileName(image.Character), Alphabet: Path.GetFileName(Path.GetDirectoryName(image.Character)!)))
                .Where(image => isWanted(image.Alphabet))
                .Select(image => new LabelledImage(image.Path, $"{image.Alphabet}/{image.Character}"));
        }
    }

    /// <summary>Six classes of CIFAR-10, and the other four; animals and vehicles in both.</summary>
    public static Study Cifar(string folder)
    {
        string[] others = ["airplane", "dog", "horse", "truck"];
        string[] classes = [.. Directory.GetDirectories(Path.Combine(folder, "train")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        return new Study(
            [.. classes.Except(others).SelectMany(name => OfClass(name, 2000))],
            [.. others.SelectMany(name => OfClass(name, 500))],
            [(4, 1), (4, 5)],
            Episodes: 2000,
            () => new SlaFewShotTrainer.Options
            {
                Architecture = Architecture.ConvNet(32),
                Ways = 6,
                Shots = 5,
                Queries = 10,
            });

        IEnumerable<LabelledImage> OfClass(string name, int count) =>
            List(Path.Combine(folder, "train", name), "*.jpg").Take(count).Select(path => new LabelledImage(path, name));
    }

    /// <summary>A set by its name: rotation, rotation2, color, color3, horizontal-flip or vertical-flip.</summary>
    public static TransformationSet Transformations(string name) => name switch
    {
        "rotation" => TransformationSet.Rotation,
        "rotation2" => TransformationSet.Rotation2,
        "color" => TransformationSet.ColorPermutation,
        "color3" => TransformationSet.ColorPermutation3,
        "horizontal-flip" => TransformationSet.HorizontalFlip,
        "vertical-flip" => TransformationSet.VerticalFlip,
        _ => throw new ArgumentException($"There is no set '{name}'. The sets are: rotation, rotation2, color, color3, horizontal-flip, vertical-flip."),
    };

    private static IEnumerable<string> List(string folder, string pattern) =>
        Directory.GetFiles(folder, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal);
}
