using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Temperatures and confidences of trained models, held against what the models score.</summary>
public sealed class CalibrationTests : FolderTest
{
    private const int Classes = 3;

    private readonly MLContext _mlContext = new(seed: 1);

    private IDataView Rows => Training.Images(_mlContext, Classes, perClass: 24);

    private IDataView Validation => Training.Images(_mlContext, FashionImages.Test(Classes, perClass: 20));

    [Theory]
    [InlineData(SlaObjective.SlaSelfDistillation)]
    [InlineData(SlaObjective.MultiTask)]
    [InlineData(SlaObjective.Baseline)]
    public void Each_inference_has_the_temperature_and_the_errors_of_its_scores_of_the_validation_rows(SlaObjective objective)
    {
        using var plain = Fit(objective, options => options.Calibration = false);
        using var calibrated = Fit(objective);
        foreach (var inference in calibrated.Inferences)
        {
            using var before = plain.WithInference(inference);
            using var after = calibrated.WithInference(inference);
            Assert.Equal(1, before.Temperature);
            Assert.NotEqual(1, after.Temperature);
            float[][] expected = [.. Training.Scores(before.Transform(Validation)).Select(score => Training.WithTemperature(score, after.Temperature).Select(p => (float)p).ToArray())];
            Assert.InRange(Training.LargestDifference(expected, Training.Scores(after.Transform(Validation))), 0, 1e-4);
            Assert.True(LogLoss(after) <= LogLoss(before) + 1e-6, $"{LogLoss(after)}, and {LogLoss(before)} before");
            AssertThresholdIsThatOfTheRows(after);
        }

        Assert.Throws<InvalidOperationException>(() => plain.ThresholdFor(0.5));
    }

    [Fact]
    public void Heads_of_a_frozen_backbone_are_calibrated_on_validation_rows()
    {
        using var model = Fit(SlaObjective.SlaSelfDistillation, Frozen);
        Assert.NotEqual(1, model.Temperature);
        AssertThresholdIsThatOfTheRows(model);
    }

    [Fact]
    public void Heads_of_a_frozen_backbone_are_calibrated_over_folds_where_there_are_no_validation_rows()
    {
        var options = Training.Options();
        Frozen(options);
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Rows);
        foreach (var inference in model.Inferences)
        {
            using var other = model.WithInference(inference);
            Assert.NotEqual(1, other.Temperature);

            // Of all 72 rows, at the lowest confidence: rows that a head had been trained on would be right.
            var all = other.ThresholdFor(0.99);
            Assert.Equal(1, all.Coverage);
            Assert.True(all.ErrorRate > 0, "The rows were scored by heads that were trained on them.");
        }
    }

    [Fact]
    public void A_training_without_validation_rows_is_not_calibrated()
    {
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(Training.Options()).Fit(Rows);
        Assert.Equal(1, model.Temperature);
        string message = Assert.Throws<InvalidOperationException>(() => model.ThresholdFor(0.05)).Message;
        Assert.Contains("ValidationSetFraction", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_confidence_is_that_of_the_column_in_every_form_of_the_model()
    {
        using var model = Fit(SlaObjective.SlaSelfDistillation);
        string path = InFolder("model.zip");
        _mlContext.Model.Save(model, null, path);
        string[] files = [.. FashionImages.Test(Classes, perClass: 20).Select(image => image.ImagePath)];
        float[] confidences = Confidences(model.Transform(Validation));
        Assert.True(confidences.Distinct().Count() > 50);

        using var predictor = SlaPredictor.Load(path);
        Assert.Equal(confidences, predictor.Predict(files).Select(prediction => prediction.Confidence));
        Assert.Equal(model.ThresholdFor(0.9), predictor.ThresholdFor(0.9));
        Assert.Equal(model.Temperature, predictor.Temperature);
        using var withViews = predictor.WithViewScores();
        Assert.Equal(confidences[3], withViews.Predict(files[3]).Confidence, 1e-6f);

        using var without = model.WithConfidence(null);
        Assert.Null(without.Transform(Validation).Schema.GetColumnOrNull("Confidence"));
        using var renamed = without.WithConfidence("Trust");
        Assert.Equal(confidences, Confidences(renamed.Transform(Validation), "Trust"));

        using var int8 = model.ToInt8(Rows);
        Assert.InRange(Training.LargestDifference([confidences], [Confidences(int8.Transform(Validation))]), 1e-6, 0.2);
        Assert.Equal(model.ThresholdFor(0.9), int8.ThresholdFor(0.9));
    }

    [Fact]
    public void Two_trainings_give_the_same_calibration()
    {
        using var first = Fit(SlaObjective.Sla);
        using var second = Fit(SlaObjective.Sla);
        Assert.Equal(Training.OnnxOf(first), Training.OnnxOf(second));
    }

    private SlaTransformer Fit(SlaObjective objective, Action<SlaTrainer.Options>? change = null)
    {
        var options = Training.Options(objective);
        change?.Invoke(options);
        return _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Rows, Validation);
    }

    private void Frozen(SlaTrainer.Options options)
    {
        using var backbone = _mlContext.MulticlassClassification.Trainers.Sla(Training.Options(SlaObjective.Baseline)).Fit(Rows);
        string path = InFolder("backbone.zip");
        _mlContext.Model.Save(backbone, null, path);
        (options.BackboneTraining, options.PretrainedPath) = (BackboneTraining.Frozen, path);
    }

    /// <summary>Holds thresholds against the confidences and predictions of the validation rows.</summary>
    private void AssertThresholdIsThatOfTheRows(SlaTransformer model)
    {
        var scored = model.Transform(Validation);
        uint[] labels = [.. scored.GetColumn<uint>("Label")], predicted = [.. scored.GetColumn<uint>("PredictedLabel")];
        float[] confidences = Confidences(scored);
        foreach (double rate in new[] { 0.3, 0.6, 0.9 })
        {
            ConfidenceThreshold threshold;
            try
            {
                threshold = model.ThresholdFor(rate);
            }
            catch (ArgumentOutOfRangeException)
            {
                continue;
            }

            // Torch trained, and ONNX Runtime scores: the last digits differ, so that a row at the threshold may be on either side.
            int[] surely = Accepted(threshold.Confidence + 1e-5), perhaps = Accepted(threshold.Confidence - 1e-5);
            double accepted = threshold.Coverage * labels.Length;
            Assert.InRange(accepted, surely.Length, perhaps.Length);
            Assert.InRange(threshold.ErrorRate * accepted, surely.Count(IsWrong) - 1e-6, perhaps.Count(IsWrong) + 1e-6);
        }

        Assert.Equal(1, model.ThresholdFor(0.99).Coverage);

        int[] Accepted(double least) => [.. Enumerable.Range(0, labels.Length).Where(row => confidences[row] >= least)];

        bool IsWrong(int row) => labels[row] != predicted[row];
    }

    private double LogLoss(SlaTransformer model) => _mlContext.MulticlassClassification.Evaluate(model.Transform(Validation)).LogLoss;

    private static float[] Confidences(IDataView scored, string column = "Confidence") => [.. scored.GetColumn<float[]>(column).Select(value => Assert.Single(value))];
}
