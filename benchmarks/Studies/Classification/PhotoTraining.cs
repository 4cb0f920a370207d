using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Studies;

/// <summary>Trains heads on a network that stays as it is, or ML.NET's own pipeline, and scores the test photos.</summary>
internal static class PhotoTraining
{
    private const int Bins = 15;
    private const double LeastProbability = 1e-15;

    /// <exception cref="FormatException">There are no such photos.</exception>
    public static PhotoLine Measure(PhotoRun run, Arguments arguments)
    {
        var (folder, test) = ImageFiles.OfPhotos(run.Data, arguments);
        var all = ImageFiles.OfHalf(folder, "train");
        ImageFile[] training = [.. run.ImagesPerClass is { } count ? ImageFiles.Draw(run.Seed, all, _ => count).SelectMany(files => files) : all.SelectMany(files => files)];
        ImageFile[] tested = [.. ImageFiles.OfHalf(folder, test).SelectMany(files => files)];
        return new PhotoLine(run, run.Objective == PhotoRun.MLNet ? OfMLNet(run, training, tested) : OfThisLibrary(run, training, tested, arguments));
    }

    private static Dictionary<string, PhotoScores> OfThisLibrary(PhotoRun run, ImageFile[] training, ImageFile[] tested, Arguments arguments)
    {
        var mlContext = new MLContext(run.Seed);
        var rows = mlContext.Data.LoadFromEnumerable(training);
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadUprightImages(Images.Column, nameof(ImageFile.ImagePath), decodeSide: 2 * run.ImageSize)).Fit(rows);
        var options = run.Options();
        options.Architecture = Architecture.PretrainedResNet18();
        options.CheckpointFolder = arguments.ArtifactsOf($"embeddings-{run.Data}-{run.ImageSize}");
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(preparation.Transform(rows));
        var test = preparation.Transform(mlContext.Data.LoadFromEnumerable(tested));
        int[] labels = Labels(test);
        var scores = new Dictionary<string, PhotoScores>();
        foreach (var inference in model.Inferences)
        {
            using var scorer = model.WithInference(inference);
            scores[$"{inference}"] = Compare(labels, [.. scorer.Transform(test).GetColumn<float[]>("Score")]);
        }

        return scores;
    }

    private static Dictionary<string, PhotoScores> OfMLNet(PhotoRun run, ImageFile[] training, ImageFile[] tested)
    {
        var mlContext = new MLContext(run.Seed);
        var rows = mlContext.Data.LoadFromEnumerable(training);
        var model = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages(Images.Column, imageFolder: "", nameof(ImageFile.ImagePath)))
            .Append(mlContext.Transforms.ResizeImages(Images.Column, run.ImageSize, run.ImageSize, resizing: ImageResizingEstimator.ResizingKind.IsoCrop))
            .Append(mlContext.Transforms.ExtractPixels("Pixels", Images.Column))
            .Append(mlContext.Transforms.DnnFeaturizeImage("Features", input => input.ModelSelector.ResNet18(mlContext, input.OutputColumn, input.InputColumn), "Pixels"))
            .AppendCacheCheckpoint(mlContext)
            .Append(mlContext.MulticlassClassification.Trainers.LbfgsMaximumEntropy())
            .Fit(rows);
        var scored = model.Transform(mlContext.Data.LoadFromEnumerable(tested));
        return new() { [$"{SlaInference.Single}"] = Compare(Labels(scored), [.. scored.GetColumn<float[]>("Score")]) };
    }

    private static int[] Labels(IDataView rows) => [.. rows.GetColumn<uint>("Label").Select(key => (int)key - 1)];

    private static PhotoScores Compare(int[] labels, float[][] scores)
    {
        bool[] right = [.. scores.Zip(labels, (row, label) => Array.IndexOf(row, row.Max()) == label)];
        double[] losses = [.. scores.Zip(labels, (row, label) => Math.Round(-Math.Log(Math.Max(row[label], LeastProbability)), 4))];
        double macro = labels.Zip(right).GroupBy(photo => photo.First).Average(ofClass => ofClass.Average(photo => photo.Second ? 1.0 : 0.0));
        return new PhotoScores(macro, CalibrationError(scores, right), string.Concat(right.Select(isRight => isRight ? '1' : '0')), losses);
    }

    /// <summary>The mean distance of confidence and accuracy over bins of confidence (Guo et al. 2017, equation 3).</summary>
    private static double CalibrationError(float[][] scores, bool[] right) => scores.Zip(right)
        .GroupBy(photo => Math.Min(Bins - 1, (int)(photo.First.Max() * Bins)))
        .Sum(bin => Math.Abs(bin.Sum(photo => photo.First.Max() - (photo.Second ? 1 : 0)))) / right.Length;
}

/// <summary>A training on photos and what it gave.</summary>
/// <param name="Run">What was trained.</param>
/// <param name="Inferences">What it scores on the test photos, by inference.</param>
internal sealed record PhotoLine(PhotoRun Run, IReadOnlyDictionary<string, PhotoScores> Inferences);

/// <summary>How good predictions are.</summary>
/// <param name="MacroAccuracy">The mean over the classes of the share of photos whose class is predicted.</param>
/// <param name="CalibrationError">The expected calibration error in 15 bins.</param>
/// <param name="Right">1 for each photo whose class is predicted, 0 for each other.</param>
/// <param name="Losses">The cross-entropy of each photo in nats.</param>
internal sealed record PhotoScores(double MacroAccuracy, double CalibrationError, string Right, double[] Losses)
{
    public bool[] IsRight => [.. Right.Select(letter => letter == '1')];

    public double Accuracy => IsRight.Count(isRight => isRight) / (double)Right.Length;

    public double LogLoss => Losses.Average();
}
