using System.Xml.Linq;
using Sla;
using Sla.Report;
using Sla.Report.Sections;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Sections of a report, of data that no model made.</summary>
public sealed class ReportSectionTests
{
    [Fact]
    public void Few_classes_are_shown_as_a_matrix()
    {
        var section = ConfusionsSection.Of(new Confusions(["cat", "dog"], [[3, 1], [0, 0]]));
        Assert.Equal("Confusion matrix", Title(section));
        Assert.Equal(
            [("right", "--share: 75%", "3"), ("wrong", "--share: 25%", "1"), ("wrong", "--share: 0%", "0"), ("right", "--share: 0%", "0")],
            section.Descendants("td").Select(cell => ((string)cell.Attribute("class")!, (string)cell.Attribute("style")!, cell.Value)));
    }

    [Fact]
    public void Of_many_classes_the_most_frequent_confusions_are_shown()
    {
        double[][] counts = [.. Enumerable.Range(0, 26).Select(truth => Enumerable.Range(0, 26).Select(predicted => truth == predicted ? 2.0 : 0).ToArray())];
        (counts[0][1], counts[25][0]) = (1, 6);
        var section = ConfusionsSection.Of(new Confusions([.. Enumerable.Range(0, 26).Select(i => $"c{i}")], counts));
        Assert.Equal("Most frequent confusions", Title(section));
        Assert.Equal([["c25", "c0", "6", "75.0 %"], ["c0", "c1", "1", "33.3 %"]], Rows(section));
    }

    [Fact]
    public void Of_many_classes_those_with_the_lowest_F1_are_shown()
    {
        ClassEvaluation[] classes =
        [
            .. Enumerable.Range(0, 201).Select(i => new ClassEvaluation($"c{i}", Images: 1, Precision: null, Recall: 0, F1: 1 - (i / 201.0))),
            new ClassEvaluation("none", Images: 0, Precision: null, Recall: null, F1: null),
        ];
        var section = ClassesSection.Of(classes);
        Assert.Equal("The 200 of 202 classes with the lowest F1.", section.Element("p")!.Value);
        Assert.Equal(Enumerable.Range(1, 200).Reverse().Select(i => $"c{i}"), Rows(section).Select(row => row[0]));
        Assert.Null(ClassesSection.Of(classes[..200]).Element("p"));
    }

    [Theory]
    [InlineData(null, false, "The model has the weights of the last of 2 epochs.")]
    [InlineData(1, false, "The model has the weights of epoch 1, the best of 2.")]
    [InlineData(1, true, "The model has the weights of epoch 1, the best of 2. Early stopping ended the run.")]
    public void A_training_says_which_weights_were_kept(int? best, bool stoppedEarly, string kept)
    {
        EpochMetrics[] epochs = [new() { Epoch = 1, Step = 10, Loss = 2.5, LearningRate = 0.1 }, new() { Epoch = 2, Step = 20, Loss = 2.0, LearningRate = 0.05 }];
        var section = TrainingSection.Of(new TrainingHistory { Seed = 1, Images = 10, Epochs = epochs, BestEpoch = best, StoppedEarly = stoppedEarly });
        Assert.Equal(kept, section.Element("p")!.Value);

        // Nothing was validated, so there is no chart of accuracies.
        Assert.Equal(["Loss", "Learning rate"], section.Descendants("figcaption").Select(caption => caption.Value));
    }

    [Fact]
    public void A_model_without_mistakes_has_none_to_show()
    {
        Assert.Equal("There are none.", MistakesSection.Of(new WorstMistakes(0, [])).Element("p")!.Value);
    }

    [Fact]
    public void The_interval_of_an_accuracy_is_Wilsons()
    {
        // By hand: 1.96 / (1 + 3.8416 / 100) * sqrt(0.25 / 100 + 3.8416 / 40000).
        var evaluation = new Evaluation("Single", Images: 100, Accuracy: 0.5, MacroAccuracy: 0.5, LogLoss: 1, ImagesPerSecond: 1, []);
        Assert.Equal(0.09617, new MeasuredInference(evaluation, new Calibration([], 0)).HalfWidth, 5);
    }

    private static string Title(XElement section) => section.Element("h2")!.Value;

    private static string[][] Rows(XElement section) =>
        [.. section.Descendants("tbody").Single().Elements("tr").Select(row => row.Elements("td").Select(cell => cell.Value).ToArray())];
}
