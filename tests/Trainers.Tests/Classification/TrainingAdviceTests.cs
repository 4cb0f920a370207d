using Microsoft.ML.Sla.Classification;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class TrainingAdviceTests
{
    [Fact]
    public void Classes_of_one_to_five_are_uneven_and_both_are_named()
    {
        string? advice = TrainingAdvice.OnUnevenClasses(new SlaTrainer.Options(), [("cup", 50), ("plate", 10), ("spoon", 20)]);
        Assert.StartsWith("The classes are uneven: 'cup' has 50 training images, 5.0 times as many as 'plate', which has 10.", advice, StringComparison.Ordinal);
        Assert.Null(TrainingAdvice.OnUnevenClasses(new SlaTrainer.Options(), [("cup", 49), ("plate", 10)]));
    }

    [Fact]
    public void A_class_without_images_does_not_make_classes_uneven() =>
        Assert.Null(TrainingAdvice.OnUnevenClasses(new SlaTrainer.Options(), [("cup", 10), ("plate", 0), ("spoon", 10)]));

    [Fact]
    public void Classes_without_an_image_are_named()
    {
        Assert.StartsWith("The label column has 3 classes, and 1 of them has no training image: 'plate'.", TrainingAdvice.OnAbsentClasses([("cup", 10), ("plate", 0), ("spoon", 1)]), StringComparison.Ordinal);
        Assert.Contains("7 of them have no training image: 'c1', 'c2', 'c3', 'c4', 'c5', ....", TrainingAdvice.OnAbsentClasses([.. Enumerable.Range(0, 8).Select(i => ($"c{i}", i == 0 ? 1 : 0))]), StringComparison.Ordinal);
        Assert.Null(TrainingAdvice.OnAbsentClasses([("cup", 1), ("plate", 1)]));
    }

    [Fact]
    public void Options_against_uneven_classes_are_advice_enough()
    {
        SlaTrainer.Options[] prepared =
        [
            new() { BalancedSampling = true },
            new() { ClassWeighting = ClassWeighting.ClassBalanced() },
            new() { ClassificationLoss = ClassificationLoss.Ldam() },
        ];
        Assert.All(prepared, options => Assert.Null(TrainingAdvice.OnUnevenClasses(options, [("cup", 500), ("plate", 1)])));
    }

    [Theory]
    [InlineData(SlaObjective.Sla, 19, null, null)]
    [InlineData(SlaObjective.Sla, 20, null, "enough")]
    [InlineData(SlaObjective.SlaSelfDistillation, 39, 2, null)]
    [InlineData(SlaObjective.SlaSelfDistillation, 40, 2, "enough")]
    [InlineData(SlaObjective.MultiTask, 1, null, "enough")]
    [InlineData(SlaObjective.Baseline, 1, null, "enough")]
    public void Views_are_few_below_twenty_of_an_image(SlaObjective objective, int epochs, int? viewsPerStep, string? enough)
    {
        string? advice = TrainingAdvice.OnFewViews(new SlaTrainer.Options { Objective = objective, ViewsPerStep = viewsPerStep }, epochs);
        Assert.Equal(enough is not null, advice is null);
    }

    [Fact]
    public void The_advised_epochs_are_enough()
    {
        var options = new SlaTrainer.Options { Objective = SlaObjective.Sla, ViewsPerStep = 3 };
        Assert.Contains("Try 27 Epochs", TrainingAdvice.OnFewViews(options, epochs: 7), StringComparison.Ordinal);
        Assert.Null(TrainingAdvice.OnFewViews(options, epochs: 27));
    }

    [Fact]
    public void The_advised_time_is_enough_at_the_same_speed()
    {
        var options = new SlaTrainer.Options { ViewsPerStep = 2, TrainingTime = TimeSpan.FromMinutes(2) };
        Assert.Contains("an image is trained on 9.5 times", TrainingAdvice.OnFewViews(options, epochs: 19), StringComparison.Ordinal);
        Assert.Contains("Try 253 seconds of TrainingTime,", TrainingAdvice.OnFewViews(options, epochs: 19), StringComparison.Ordinal);
        Assert.Null(TrainingAdvice.OnFewViews(options, epochs: 19 * 253 / 120.0));
    }
}
