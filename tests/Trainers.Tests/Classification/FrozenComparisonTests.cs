using Microsoft.ML.Sla.Classification;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>How a frozen training chooses its objective.</summary>
public sealed class FrozenComparisonTests
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly LogMessages _log;

    public FrozenComparisonTests() => _log = new LogMessages(_mlContext);

    [Fact]
    public void More_views_are_chosen_only_where_they_are_better_by_more_than_the_noise()
    {
        float[] baseline = [1f, 0.8f, 1.2f, 1f], noisy = [0.5f, 1.3f, 0.7f, 1.4f], clear = [0.8f, 0.55f, 1f, 0.85f];
        Assert.Equal(0, FrozenComparison.Choose([(1, baseline), (4, noisy)]));
        Assert.Equal(1, FrozenComparison.Choose([(1, baseline), (4, clear)]));
        Assert.Equal(2, FrozenComparison.Choose([(1, baseline), (4, clear), (2, [0.81f, 0.55f, 1f, 0.84f])]));
    }

    [Fact]
    public void Of_the_same_views_the_lowest_loss_is_chosen() =>
        Assert.Equal(1, FrozenComparison.Choose([(2, [1f, 0.8f]), (2, [0.9f, 0.8f]), (2, [0.9f, 0.85f])]));

    [Theory]
    [InlineData("", 4)]
    [InlineData("flip", 7)]
    public void Mirroring_is_compared_where_the_augmentation_mirrors(string augmentation, int candidates)
    {
        using var model = Fit(augmentation, TransformationSet.Rotation);
        string[] lines = [.. _log.ToString().Split('\n').Where(line => line.Contains("over folds of 72 images", StringComparison.Ordinal))];
        Assert.Equal(candidates, lines.Length);
        Assert.Equal(candidates == 7, lines.Any(line => line.Contains("hflip", StringComparison.Ordinal)));
        Assert.Contains($"{model.Objective} ({model.Transformations.Name}, {model.Inference}) is trained", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Observers_receive_what_is_in_the_log()
    {
        var observer = new Observer();
        using var model = Fit("flip", TransformationSet.Rotation2, observer);
        var comparison = Assert.Single(observer.Comparisons);
        Assert.Equal((72, 7), (comparison.Images, comparison.Objectives.Count));
        Assert.Contains(comparison.Chosen, comparison.Objectives);
        Assert.Equal(($"{model.Objective}", model.Transformations.Name, $"{model.Inference}"), (comparison.Chosen.Objective, comparison.Chosen.Transformations.Name, comparison.Chosen.Inference));
        Assert.All(comparison.Objectives, objective => Assert.Contains($"{objective}: log-loss {objective.LogLoss:F4}", _log.ToString(), StringComparison.Ordinal));
        Assert.False(observer.HadStarted);
    }

    [Fact]
    public void One_view_leaves_nothing_but_the_baseline()
    {
        using var model = Fit("", TransformationSet.None);
        Assert.Equal(SlaObjective.Baseline, model.Objective);
    }

    private SlaTransformer Fit(string augmentation, TransformationSet transformations, params ITrainingObserver[] observers)
    {
        var options = Training.Options(SlaObjective.Sla);
        options.Architecture = Architecture.FromOnnx(BackboneFile.PathOf("resnet"), BackboneFile.Raw);
        (options.ImageWidth, options.ImageHeight) = (BackboneFile.Side, BackboneFile.Side);
        (options.BackboneTraining, options.CompareObjectives, options.Precision) = (BackboneTraining.Frozen, true, Precision.Float32);
        options.Observers = observers;
        (options.Transformations, options.Augmentations) = (transformations, augmentation.Length == 0 ? [] : ImageAugmentation.Parse(augmentation));
        return _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, FashionImages.Train(classes: 3, perClass: 24)));
    }

    private sealed class Observer : ITrainingObserver
    {
        private bool _hasStarted;

        public List<ObjectiveComparison> Comparisons { get; } = [];

        /// <summary>Whether the training had started when it was compared.</summary>
        public bool HadStarted { get; private set; }

        public void OnStart(TrainingStarted plan) => _hasStarted = true;

        public void OnComparison(ObjectiveComparison comparison)
        {
            HadStarted = _hasStarted;
            Comparisons.Add(comparison);
        }
    }
}
