using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Trainings of heads on a backbone that stays, and then of all weights.</summary>
public sealed class HeadsFirstTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sla-heads-first-").FullName;
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly LogMessages _log;

    public HeadsFirstTests() => _log = new LogMessages(_mlContext);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_network_starts_from_the_heads_of_a_frozen_training()
    {
        // Heads are calibrated over folds, and the network, without validation rows, is not.
        using var frozen = Fit(options => (options.BackboneTraining, options.Calibration) = (BackboneTraining.Frozen, false));
        using var first = Fit(options => options.LearningRate = 1e-9);
        Assert.True(Training.LargestDifference(Training.Scores(frozen.Transform(Images())), Training.Scores(first.Transform(Images()))) < 1e-3);
        using var trained = Fit();
        Assert.True(Training.LargestDifference(Training.Scores(frozen.Transform(Images())), Training.Scores(trained.Transform(Images()))) > 1e-2);
        Assert.Contains(frozen.Model.Weights, weights => weights.Shape.Length > 2 && !weights.Values.SequenceEqual(trained.Model.Weights[weights.Name].Values));
        Assert.Equal(2, trained.TrainingHistory.Epochs.Count);
    }

    [Fact]
    public void Two_trainings_give_one_model_bit_for_bit_with_and_without_a_folder()
    {
        using var first = Fit();
        using var second = Fit(options => options.CheckpointFolder = _folder);
        foreach (var (name, _, values) in first.Model.Weights)
            Assert.True(values.AsSpan().SequenceEqual(second.Model.Weights[name].Values), name);
    }

    [Fact]
    public void The_heads_are_kept_where_the_network_becomes_no_better()
    {
        var validation = Images(FashionImages.Test(classes: 3, perClass: 8));
        using var frozen = Fit(options => (options.BackboneTraining, options.ValidationSet) = (BackboneTraining.Frozen, validation));
        using var spoilt = Fit(options => (options.LearningRate, options.ValidationSet) = (1, validation));
        Assert.Equal(Training.Scores(frozen.Transform(Images())), Training.Scores(spoilt.Transform(Images())));
        Assert.Contains("the network stays as it was", _log.ToString(), StringComparison.Ordinal);
        using var last = Fit(options => (options.LearningRate, options.ValidationSet, options.KeepBest) = (1, validation, false));
        Assert.NotEqual(Training.Scores(frozen.Transform(Images())), Training.Scores(last.Transform(Images())));
    }

    [Fact]
    public void The_network_learns_the_objective_that_the_comparison_chose()
    {
        using var model = Fit(options =>
        {
            // The objective of the options, which would need two views in a step, does not count.
            (options.CompareObjectives, options.Transformations) = (true, TransformationSet.HorizontalFlip);
            (options.Objective, options.ViewsPerStep) = (SlaObjective.SlaSelfDistillation, 1);
        });
        Assert.Contains(_log.ToString().Split('\n'), line => line.EndsWith("is trained", StringComparison.Ordinal) && line.Contains($"{model.Objective}", StringComparison.Ordinal));
        Assert.Equal(2, model.TrainingHistory.Epochs.Count);
    }

    [Fact]
    public void Images_are_not_mirrored_at_random_where_the_mirror_image_is_a_view()
    {
        using var plain = Fit(options => options.Transformations = TransformationSet.HorizontalFlip);
        using var mirrored = Fit(options => (options.Transformations, options.Augmentations) = (TransformationSet.HorizontalFlip, ImageAugmentation.Parse("flip")));
        foreach (var (name, _, values) in plain.Model.Weights)
            Assert.True(values.AsSpan().SequenceEqual(mirrored.Model.Weights[name].Values), name);
        Assert.DoesNotContain("cannot tell which view", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_training_goes_on_to_the_same_model()
    {
        using var whole = Fit();
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Fit(options =>
        {
            (options.CheckpointFolder, options.CancellationToken) = (_folder, cancellation.Token);
            options.MetricsCallback = progress =>
            {
                if (progress.Step == 3)
                    cancellation.Cancel();
            };
        }));
        Assert.Contains("Resume", Assert.Throws<InvalidOperationException>(() => Fit(options => options.CheckpointFolder = _folder)).Message, StringComparison.Ordinal);
        _log.Clear();
        using var resumed = Fit(options => (options.CheckpointFolder, options.Resume) = (_folder, true));
        Assert.Contains("0.0 views/s", _log.ToString(), StringComparison.Ordinal);
        foreach (var (name, _, values) in whole.Model.Weights)
            Assert.True(values.AsSpan().SequenceEqual(resumed.Model.Weights[name].Values), name);
    }

    [Fact]
    public void The_heads_are_part_of_the_training_time()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using var model = Fit(options => (options.TrainingTime, options.Epochs) = (TimeSpan.FromSeconds(7), 100_000));
        Assert.InRange(clock.Elapsed.TotalSeconds, 6, 11);
        Assert.True(model.TrainingHistory.Epochs[^1].Step > 6);
    }

    [Fact]
    public void A_training_by_time_ends_after_the_epochs_of_the_options()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using var model = Fit(options => (options.TrainingTime, options.Epochs) = (TimeSpan.FromSeconds(600), 3));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 60);
        Assert.InRange(model.TrainingHistory.Epochs[^1].Step, 1, 60);
    }

    [Fact]
    public void A_time_that_is_too_short_for_an_epoch_leaves_the_network_as_it_was()
    {
        using var frozen = Fit(options => (options.BackboneTraining, options.TrainingTime) = (BackboneTraining.Frozen, TimeSpan.FromMilliseconds(1)));
        using var model = Fit(options => options.TrainingTime = TimeSpan.FromMilliseconds(1));
        Assert.Contains("and 0 are left: the network stays as it was", _log.ToString(), StringComparison.Ordinal);
        Assert.Equal(Training.Scores(frozen.Transform(Images())), Training.Scores(model.Transform(Images())));
    }

    private SlaTransformer Fit(Action<SlaTrainer.Options>? set = null)
    {
        var options = Training.Options(SlaObjective.Sla);
        options.Architecture = Architecture.FromOnnx(BackboneFile.PathOf("resnet"), new OnnxBackboneOptions());
        (options.BackboneTraining, options.Precision, options.Threads) = (BackboneTraining.HeadsFirst, Precision.Float32, 1);
        (options.Epochs, options.BatchSize, options.LearningRate, options.FrozenStatistics) = (2, 24, 0.001, true);
        options.GradientClipping = 1;
        options.Augmentations = [];
        (options.ImageWidth, options.ImageHeight) = (BackboneFile.Side, BackboneFile.Side);
        set?.Invoke(options);
        return _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Images());
    }

    private IDataView Images(LabelledImage[]? images = null) => Training.Images(_mlContext, images ?? FashionImages.Train(classes: 3, perClass: 24));
}
