using System.IO.Compression;
using Microsoft.ML;

namespace QuickStart;

/// <summary>A labelled image file.</summary>
/// <param name="ImagePath">Path of the file.</param>
/// <param name="Label">Name of the class: the name of the file's folder.</param>
internal sealed record LabelledImage(string ImagePath, string Label);

/// <summary>An image file to predict the class of.</summary>
internal sealed class ImageFile
{
    public string ImagePath { get; set; } = "";
}

/// <summary>A model's prediction of an image.</summary>
internal sealed class Prediction
{
    public string PredictedLabelName { get; set; } = "";

    public float[] Score { get; set; } = [];
}

/// <summary>Folders of images, one for each class.</summary>
internal static class ImageFolder
{
    /// <summary>Unpacks the bundled images and returns the folder that holds <c>train</c> and <c>test</c>.</summary>
    public static string Unpack(string folder)
    {
        if (!Directory.Exists(Path.Combine(folder, "train")))
            ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist.zip"), folder, overwriteFiles: true);
        return folder;
    }

    /// <summary>Lists the images of a folder, in the same order on every machine.</summary>
    public static LabelledImage[] List(string folder) =>
    [
        .. Directory.GetFiles(folder, "*.png", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(path => new LabelledImage(path, Path.GetFileName(Path.GetDirectoryName(path))!)),
    ];

    /// <summary>The columns that a saved model starts from: the path alone, as there is no label when it predicts.</summary>
    public static DataViewSchema PathSchema(MLContext mlContext) => mlContext.Data.LoadFromEnumerable(Array.Empty<ImageFile>()).Schema;
}
