using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Studies;

/// <summary>Trains on some of the classes, and measures how well the model tells their test images from others and its right predictions from wrong ones.</summary>
internal static class UnknownTraining
{
    /// <summary>Images of the other data set.</summary>
    private const int OtherImages = 200;

    private static readonly double[] Rates = [0.05, 0.1, 0.2];

    /// <exception cref="FormatException">There is no such data set.</exception>
    public static UnknownLine Measure(UnknownRun run, Arguments arguments)
    {
        var (folder, test) = PlaceOf(run.Data, arguments);
        var classes = ImageFiles.OfHalf(folder, "train").ToArray();
        string[] names = [.. classes.Select(files => files[0].Label)];
        new Random(run.Seed).Shuffle(names);
        var held = names[..run.HeldApart].ToHashSet();

        var known = classes.Where(files => !held.Contains(files[0].Label));
        if (run.ImagesPerClass is { } count)
            known = ImageFiles.Draw(run.Seed, known, _ => count);
        var tested = ImageFiles.OfHalf(folder, test).ToLookup(files => held.Contains(files[0].Label));
        var (otherFolder, otherTest) = PlaceOf(run.OtherData, arguments);
        ImageFile[] others = [.. ImageFiles.OfHalf(otherFolder, otherTest).SelectMany(files => files)];
        new Random(run.Seed).Shuffle(others);

        var mlContext = new MLContext(run.Seed);
        var options = run.Options();
        if (options.BackboneTraining == BackboneTraining.Frozen)
        {
            options.Architecture = Architecture.PretrainedResNet18();
            options.CheckpointFolder = arguments.ArtifactsOf($"embeddings-{run.Data}-{options.ImageWidth}");
        }

        var rows = mlContext.Data.LoadFromEnumerable(known.SelectMany(files => files).ToArray());
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadUprightImages(Images.Column, nameof(ImageFile.ImagePath), decodeSide: 2 * options.ImageWidth)).Fit(rows);
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(preparation.Transform(rows));
        IDataView Rows(IEnumerable<ImageFile> files) => preparation.Transform(mlContext.Data.LoadFromEnumerable(files.ToArray()));
        var (ofKnown, ofUnknown, ofOthers) = (Rows(tested[false].SelectMany(files => files)), Rows(tested[true].SelectMany(files => files)), Rows(others.Take(OtherImages)));
        var inferences = new Dictionary<string, UnknownScores>();
        foreach (var inference in model.Inferences)
        {
            using var scorer = model.WithInference(inference);
            inferences[$"{inference}"] = Compare(scorer, Scored.Of(mlContext, scorer, ofKnown), Scored.Of(mlContext, scorer, ofUnknown), Scored.Of(mlContext, scorer, ofOthers));
        }

        return new UnknownLine(run, [.. held.Order(StringComparer.Ordinal)], inferences);
    }

    private static (string Folder, string Test) PlaceOf(string data, Arguments arguments) =>
        data == UnknownRun.Cifar ? (arguments.Cifar, "test") : ImageFiles.OfPhotos(data, arguments);

    private static UnknownScores Compare(SlaTransformer model, Scored known, Scored unknown, Scored others) => new(
        known.IsRight.Length,
        unknown.IsRight.Length,
        others.IsRight.Length,
        known.IsRight.Average(isRight => isRight ? 1.0 : 0),
        known.Losses.Average(),
        known.LossesUncalibrated(model.Temperature).Average(),
        Separate(known, unknown, others, images => images.Confidences),
        Separate(known, unknown, others, images => images.Probabilities),
        [.. Rates.Select(rate => Reject(model, rate, known, unknown, others)).OfType<Rejected>()]);

    private static Separation Separate(Scored known, Scored unknown, Scored others, Func<Scored, double[]> value) => new(
        Area(value(known), value(unknown)), Area(value(known), value(others)), Area(known.Where(isRight: true, value(known)), known.Where(isRight: false, value(known))));

    private static Rejected? Reject(SlaTransformer model, double rate, Scored known, Scored unknown, Scored others)
    {
        ConfidenceThreshold threshold;
        try
        {
            threshold = model.ThresholdFor(rate);
        }
        catch (ArgumentOutOfRangeException)
        {
            return null;
        }

        double Share(Scored images) => images.Confidences.Average(confidence => confidence >= threshold.Confidence ? 1.0 : 0);
        bool[] accepted = [.. known.IsRight.Zip(known.Confidences).Where(image => image.Second >= threshold.Confidence).Select(image => image.First)];
        return new Rejected(rate, Share(known), accepted.Length == 0 ? 0 : accepted.Average(isRight => isRight ? 0.0 : 1), Share(unknown), Share(others));
    }

    /// <summary>The area under the receiver operating characteristic: the probability that one of the first is above one of the second.</summary>
    private static double Area(double[] above, double[] below)
    {
        double[] sorted = [.. below.Order()];
        return above.Average(value => (Lower(sorted, value, orEqual: false) + Lower(sorted, value, orEqual: true)) / 2.0 / sorted.Length);
    }

    private static int Lower(double[] sorted, double value, bool orEqual)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (sorted[middle] < value || (orEqual && sorted[middle] == value))
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>What a model says of images.</summary>
    private sealed record Scored(int[] Labels, float[][] Scores, double[] Confidences)
    {
        public bool[] IsRight => [.. Scores.Zip(Labels, (row, label) => Array.IndexOf(row, row.Max()) == label)];

        public double[] Probabilities => [.. Scores.Select(row => (double)row.Max())];

        public double[] Losses => [.. Scores.Zip(Labels, (row, label) => -Math.Log(Math.Max(row[label], 1e-15)))];

        public static Scored Of(MLContext mlContext, SlaTransformer model, IDataView rows)
        {
            var scored = mlContext.Data.Cache(model.Transform(rows), "Label", "Score", "Confidence");
            return new Scored(
                [.. scored.GetColumn<uint>("Label").Select(key => (int)key - 1)],
                [.. scored.GetColumn<float[]>("Score")],
                [.. scored.GetColumn<float[]>("Confidence").Select(value => (double)value[0])]);
        }

        public double[] Where(bool isRight, double[] values) => [.. values.Zip(IsRight).Where(image => image.Second == isRight).Select(image => image.First)];

        /// <summary>The losses that the images would have with a temperature of 1.</summary>
        public double[] LossesUncalibrated(double temperature) =>
        [
            .. Scores.Zip(Labels, (row, label) =>
            {
                double[] powers = [.. row.Select(p => Math.Pow(Math.Max(p, 1e-15), temperature))];
                return -Math.Log(powers[label] / powers.Sum());
            }),
        ];
    }
}

/// <summary>A training without some classes, and what it gave.</summary>
/// <param name="Run">What was trained.</param>
/// <param name="HeldApart">The classes that were held apart.</param>
/// <param name="Inferences">What each inference gave.</param>
internal sealed record UnknownLine(UnknownRun Run, IReadOnlyList<string> HeldApart, IReadOnlyDictionary<string, UnknownScores> Inferences);

/// <summary>What an inference gave.</summary>
/// <param name="Known">Test images of the classes that were trained on.</param>
/// <param name="Unknown">Test images of the classes that were held apart.</param>
/// <param name="Others">Images of the other data set.</param>
/// <param name="Accuracy">Share of the known images whose class is predicted.</param>
/// <param name="LogLoss">Their mean cross-entropy in nats, with the temperature of the model.</param>
/// <param name="LogLossUncalibrated">The same with a temperature of 1.</param>
/// <param name="ByConfidence">How well confidences separate images.</param>
/// <param name="ByProbability">How well the probabilities of the predicted classes do.</param>
/// <param name="Rejection">What thresholds accept.</param>
internal sealed record UnknownScores(
    int Known,
    int Unknown,
    int Others,
    double Accuracy,
    double LogLoss,
    double LogLossUncalibrated,
    Separation ByConfidence,
    Separation ByProbability,
    IReadOnlyList<Rejected> Rejection);

/// <summary>Areas under receiver operating characteristics.</summary>
/// <param name="Unknown">Known images against those of classes that were held apart.</param>
/// <param name="Others">Known images against those of another data set.</param>
/// <param name="Wrong">Right predictions of known images against wrong ones.</param>
internal sealed record Separation(double Unknown, double Others, double Wrong);

/// <summary>What a threshold accepts.</summary>
/// <param name="Rate">The wanted error rate.</param>
/// <param name="Known">Share of the known test images that it accepts.</param>
/// <param name="ErrorRate">Share of these that are predicted wrongly.</param>
/// <param name="Unknown">Share of the images of classes held apart that it accepts.</param>
/// <param name="Others">Share of the images of another data set that it accepts.</param>
internal sealed record Rejected(double Rate, double Known, double ErrorRate, double Unknown, double Others);
