using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;
using Xunit;
using static Microsoft.ML.Sla.Tests.HeadFixture;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Trainings of heads on embeddings: the penalty that they choose, and the scores that they measure.</summary>
public sealed class FrozenHeadsTests
{
    private static readonly Action NoCancellation = () => { };

    public FrozenHeadsTests() => TorchLibrary.EnsureLoaded();

    public static TheoryData<SlaObjective> AllObjectives => [.. Enum.GetValues<SlaObjective>()];

    [Theory]
    [MemberData(nameof(HeadFixture.Objectives), MemberType = typeof(HeadFixture))]
    public void Two_runs_give_the_same_weights_bit_for_bit(SlaObjective kind, bool isWeighted, bool isLdam)
    {
        var (first, _) = Train(kind, isWeighted, isLdam);
        var (second, _) = Train(kind, isWeighted, isLdam);
        Assert.Equal(first.Select(tensor => tensor.Name), second.Select(tensor => tensor.Name));
        foreach (var ((name, _, values), other) in first.Zip(second))
            Assert.True(values.AsSpan().SequenceEqual(other.Values), name);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_penalty_on_differences_is_high_where_views_look_alike(bool areAlike)
    {
        int[] labels = LabelsOf(60);
        using var folds = Embeddings.ByFolds(labels, ValuesOf(labels, Views, areAlike), Views);
        var log = new List<string>();
        var objective = SlaObjectives.Create(SlaObjective.Sla, Classes, Views, new ObjectiveSettings());
        var settings = HeadSettings.Of(SlaObjective.Sla, objective, new ObjectiveSettings(), Classes, SlaInference.Aggregated, seed: 1);
        new FrozenHeads(settings, folds.Splits, log.Add, NoCancellation).Train(folds.Training);
        Assert.Equal(areAlike, Assert.Single(log).Contains("times on differences between views", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(SlaInference.Aggregated, "Sla:")]
    [InlineData(SlaInference.Distilled, "Distillation:")]
    public void The_scores_are_those_of_the_inference_that_the_model_has(SlaInference inference, string stage)
    {
        var log = new List<string>();
        var (_, scores) = Train(SlaObjective.SlaSelfDistillation, inference: inference, log: log.Add);
        string line = Assert.Single(log, line => line.StartsWith(stage, StringComparison.Ordinal));
        Assert.Contains(FormattableString.Invariant($"validation loss {scores.Loss:F4}"), line, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(AllObjectives))]
    public void Scores_over_folds_are_those_of_a_training_with_the_folds(SlaObjective kind)
    {
        int views = ViewsOf(kind);
        int[] labels = LabelsOf(60);
        using var folds = Embeddings.ByFolds(labels, ValuesOf(labels, views), views);
        var settings = Settings(folds.Training);
        var objective = SlaObjectives.Create(kind, Classes, views, settings);
        var heads = new FrozenHeads(
            HeadSettings.Of(kind, objective, settings, Classes, objective.Inferences[0].Inference, seed: 1), folds.Splits, _ => { }, NoCancellation);
        var (_, expected, _) = heads.Train(folds.Training);
        Assert.Equal(expected.Losses, heads.Measure().Losses);
        Assert.True(expected.Loss < Math.Log(Classes), $"{expected.Loss} is no better than chance");
    }

    [Fact]
    public void Cancellation_ends_the_training_of_heads()
    {
        int checks = 0;
        Assert.Throws<OperationCanceledException>(() => Train(SlaObjective.Sla, checkCancellation: () =>
        {
            if (++checks == 7)
                throw new OperationCanceledException();
        }));
        Assert.Equal(7, checks);
    }

    private static (Weights Weights, RowScores Scores) Train(
        SlaObjective kind, bool isWeighted = false, bool isLdam = false, SlaInference? inference = null, Action<string>? log = null, Action? checkCancellation = null)
    {
        using var store = OfViews(kind, count: 60);
        var settings = Settings(store.All, isWeighted, isLdam);
        var objective = SlaObjectives.Create(kind, Classes, store.Views, settings);
        EmbeddedImages first = new(store, new ImageRange(0, 40)), rest = new(store, new ImageRange(40, 20));
        var heads = new FrozenHeads(
            HeadSettings.Of(kind, objective, settings, Classes, inference ?? objective.Inferences[0].Inference, seed: 1),
            [(first, rest)],
            log ?? (_ => { }),
            checkCancellation ?? NoCancellation);
        var (weights, scores, _) = heads.Train(first);
        return (weights, scores);
    }
}
