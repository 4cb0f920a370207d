#region program
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion

namespace Guides.Transformations;

internal static class TransformationsGuide
{
    public static void Run()
    {
        #region program
        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var rows = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Fit(files).Transform(files);
        var parts = mlContext.Data.TrainTestSplit(rows, testFraction: 0.2);

        // Two views a step cost two baseline steps, so the baseline gets twice the epochs: the times are about equal.
        Compare("baseline", SlaObjective.Baseline, TransformationSet.None, epochs: 80);
        Compare("two rotations", SlaObjective.SlaSelfDistillation, TransformationSet.Rotation2, epochs: 40);
        Compare("four rotations", SlaObjective.SlaSelfDistillation, TransformationSet.Rotation, epochs: 40);

        void Compare(string name, SlaObjective objective, TransformationSet transformations, int epochs)
        {
            using var model = mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
            {
                FeatureColumnName = "Image",
                ImageWidth = 32,
                ImageHeight = 32,
                Seed = 1,
                Objective = objective,
                Transformations = transformations,
                ViewsPerStep = objective == SlaObjective.Baseline ? null : 2,
                Epochs = epochs,
                LearningRateSchedule = LearningRateSchedule.OneCycle,
            }).Fit(parts.TrainSet);

            var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(parts.TestSet));
            Console.WriteLine($"{name,-16} accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3}");
        }
        #endregion
    }

    public static TransformationSet Own()
    {
        #region own
        var both = TransformationSet.Compose(TransformationSet.Rotation2, TransformationSet.ColorPermutation3);
        var halves = TransformationSet.FromPermutations(
            "halves", ("swapped", [.. Enumerable.Range(0, 3 * 32 * 32).Select(i => i ^ 16)]));      // left and right half
        #endregion
        return both.Count == 6 ? halves : both;
    }
}
