using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary><c>--reject</c> of <c>sla predict</c> and <c>sla evaluate</c>.</summary>
[Collection(CliGroup.Name)]
public sealed class RejectionTests(TrainedByCli trained)
{
    [Fact]
    public async Task Reject_answers_none_of_these_where_the_confidence_is_below_that_of_the_rate()
    {
        const double Rate = 0.6;
        using var predictor = SlaPredictor.Load(trained.Model);
        var threshold = predictor.ThresholdFor(Rate);
        string[] files = trained.TestFiles;
        var predictions = (await SlaCommand.JsonAsync(["predict", "--model", trained.Model, "--reject", $"{Rate}", .. files])).AsArray();
        foreach (var (prediction, expected) in predictions.Zip(predictor.Predict(files)))
        {
            Assert.Equal(expected.Confidence, (float)prediction!["confidence"]!);
            Assert.Equal(expected.Confidence < threshold.Confidence, (bool)prediction["rejected"]!);
            Assert.Equal(expected.Confidence < threshold.Confidence ? null : expected.Label, (string?)prediction["predictedLabel"]);
            Assert.Equal(expected.Label, (string)prediction["top"]![0]!["label"]!);
        }

        int rejected = predictions.Count(prediction => (bool)prediction!["rejected"]!);
        Assert.InRange(rejected, 1, files.Length - 1);
        var run = await SlaCommand.DoneAsync(["predict", "--model", trained.Model, "--reject", $"{Rate}", .. files]);
        Assert.Equal(rejected, run.Output.Split('\n').Count(line => line.Contains(": none of these (confidence ", StringComparison.Ordinal)));
        Assert.Contains("For at most 60.0 % wrong answers a confidence of ", run.Error, StringComparison.Ordinal);

        var evaluation = await SlaCommand.JsonAsync("evaluate", "--model", trained.Model, "--images", trained.TestImages, "--reject", $"{Rate}");
        Assert.Equal(files.Length - rejected, (int)evaluation["accepted"]!["images"]!);
        var right = predictions.Zip(files).Where(pair => (string)pair.First!["top"]![0]!["label"]! == Path.GetFileName(Path.GetDirectoryName(pair.Second))).Select(pair => (bool)pair.First!["rejected"]!).ToList();
        Assert.Equal((double)right.Count(isRejected => !isRejected) / (files.Length - rejected), (double)evaluation["accepted"]!["accuracy"]!, 1e-9);
        Assert.Equal(right.Count(isRejected => isRejected), (int)evaluation["accepted"]!["rejectedRight"]!);
    }

    [Fact]
    public async Task A_rate_that_the_model_cannot_show_is_refused_with_what_to_do()
    {
        await SlaCommand.RefusedAsync("The lowest rate that they can show is", "predict", "--model", trained.Model, "--reject", "0.01", trained.TestFiles[0]);
        await SlaCommand.RefusedAsync("it must be a number above 0 and below 1", "predict", "--model", trained.Model, "--reject", "5", trained.TestFiles[0]);
    }
}
