using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Search;
using Microsoft.ML.Transforms.Image;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Experiments whose trials may keep a pretrained network unchanged.</summary>
public sealed class SearchBackboneTests : SearchTest
{
    private const string Name = "tiny";
    private const int Images = 72;

    private static readonly Architecture Network = Architecture.FromOnnx(BackboneFile.PathOf("resnet"));

    private readonly LogMessages _log;

    public SearchBackboneTests() => _log = new LogMessages(MlContext);

    [Fact]
    public void On_images_that_suit_it_the_backbone_wins_over_trainings_from_scratch_and_its_model_is_saved()
    {
        using var result = New(trials: 6).Run();
        Assert.Equal([true, true, true, false, false, false], result.Trials.Select(IsFrozen));
        Assert.Equal($"Backbone={Name}", result.Trials[0].Name);
        Assert.Equal("defaults", result.Trials[3].Name);
        Assert.All(result.Trials.Take(3), trial => Assert.Equal((1, 1L, 1L), (trial.Epochs, trial.Steps, Assert.Single(trial.Intervals.Take(1)).Steps)));
        Assert.True(IsFrozen(result.Best), $"{result.Best}");
        Assert.Equal((Network.Name, BackboneFile.Side), (result.Model.Architecture.Name, result.Model.ImageShape.Width));

        var test = Training.Images(MlContext, FashionImages.Test(classes: 3, perClass: 10));
        using var loaded = Training.SavedAndLoaded(MlContext, result.Model);
        Assert.Equal(Training.Scores(result.Model.Transform(test)), Training.Scores(loaded.Transform(test)));
    }

    [Fact]
    public void A_complete_trial_is_measured_once_and_stays_beside_those_that_go_on()
    {
        using var result = New(trials: 12).Run();
        Assert.Equal(6, result.Trials.Count(IsFrozen));
        Assert.All(result.Trials.Where(trial => IsFrozen(trial) && trial != result.Best), trial => Assert.Single(trial.Intervals));
        Assert.Contains(result.Trials, trial => !IsFrozen(trial) && trial.Intervals.Count > 1);
        Assert.All(
            result.Trials.Where(trial => !IsFrozen(trial)).SelectMany(trial => trial.Intervals),
            interval => Assert.True(IsFrozen(result.Trials[interval.Against!.Trial - 1]), $"{interval}"));
    }

    [Fact]
    public void A_view_of_an_image_goes_through_the_network_once_in_a_search()
    {
        using var result = New(trials: 7, Folder, holdOut: false, options => options.Augmentations = []).SetSearchSpace(BackboneOnly().Remove("Augmentation")).Run();
        Assert.Equal(["rotation", "none", "rotation", "rotation2", "rotation", "hflip", "rotation"], result.Trials.Select(Views));

        // Four rotations, and the mirror image.
        Assert.Equal(5 * Images, Embedded());
    }

    [Fact]
    public async Task A_stopped_search_goes_on_without_another_pass_through_the_network()
    {
        using var whole = New(trials: 4, Path.Combine(Folder, "whole")).Run();
        string folder = Path.Combine(Folder, "stopped");
        using var cancellation = new CancellationTokenSource();
        using (var stopped = await New(trials: 4, folder).SetMonitor(new Events { AfterInterval = At(1, cancellation.Cancel) }).RunAsync(cancellation.Token))
        {
            Assert.False(stopped.IsComplete);
            Assert.Equal(Network.Name, stopped.Model.Architecture.Name);
        }

        long before = Embedded("stopped");
        _log.Clear();
        using var resumed = New(trials: 4, folder).Run();
        Assert.Equal(whole.Trials.Select(Summary), resumed.Trials.Select(Summary));
        Assert.Equal(Weights(whole), Weights(resumed));
        Assert.Equal(4 * Images, before);
        Assert.Equal(Embedded("whole"), Embedded("stopped"));

        _log.Clear();
        using var again = New(trials: 4, folder).Run();
        Assert.Equal(Weights(whole), Weights(again));
        Assert.Equal(Embedded("whole"), Embedded("stopped"));
    }

    [Theory]
    [InlineData(5, false)]
    [InlineData(20, true)]
    public void The_same_seed_and_trials_give_the_same_record(int trials, bool isFrozen)
    {
        using var first = New(trials).SetSearchSpace(Space()).Run();
        using var second = New(trials).SetSearchSpace(Space()).Run();
        Assert.Equal(trials, first.Trials.Count);
        Assert.Equal(first.Trials.Select(Summary), second.Trials.Select(Summary));
        Assert.Equal(Weights(first), Weights(second));

        SlaSearchSpace Space() => (isFrozen ? BackboneOnly() : WithBackbone()).Add("Smoothing", 0.01, 0.2, (options, value) => options.LabelSmoothing = value);
    }

    [Fact]
    public void On_folds_the_mean_decides_and_the_model_is_trained_on_all_rows()
    {
        using var result = New(trials: 4).SetDataset(Training.Images(MlContext), folds: 3).SetMetric(SearchMetric.LogLoss).SetSearchSpace(BackboneOnly()).Run();
        Assert.Equal((Images, 0), (result.Model.TrainingHistory.Images, result.Model.TrainingHistory.ValidationImages));
        Assert.Equal(result.Trials.Min(trial => trial.Last!.LogLoss), result.Best.Last!.LogLoss);
        Assert.Contains(result.Trials, trial => Math.Abs((trial.Last!.Accuracy * Images) - Math.Round(trial.Last.Accuracy * Images)) < 1e-9);
    }

    [Theory]
    [InlineData(SearchMetric.MicroAccuracy)]
    [InlineData(SearchMetric.MacroAccuracy)]
    public void Trials_are_measured_on_the_validation_rows(SearchMetric metric)
    {
        var all = Training.Images(MlContext);
        var validation = MlContext.Data.TakeRows(all, 40);
        using var result = New(trials: 2).SetDataset(MlContext.Data.SkipRows(all, 40), validation).SetMetric(metric).Run();
        Assert.Equal([true, false], result.Trials.Select(IsFrozen));
        Assert.True(IsFrozen(result.Best));
        var scored = result.Model.Transform(validation);
        var metrics = MlContext.MulticlassClassification.Evaluate(scored);
        Assert.Equal((metrics.MicroAccuracy, metrics.MacroAccuracy), (result.Best.Last!.Accuracy, result.Best.Last.MacroAccuracy));

        // Trials are measured without a temperature.
        Assert.Equal(Training.LogLossWithoutTemperature(result.Model, scored), result.Best.Last.LogLoss, 1e-2);
        Assert.Equal(result.Trials[0].Number, result.Trials[1].Intervals[0].Against!.Trial);
    }

    [Theory]
    [InlineData(true, 54, 18)]
    [InlineData(false, 72, 0)]
    public void The_last_training_learns_the_validation_rows_unless_they_are_held_out(bool holdOut, int images, int validationImages)
    {
        using var result = New(trials: 2, holdOut: holdOut).SetSearchSpace(BackboneOnly()).Run();
        Assert.Equal((images, validationImages), (result.Model.TrainingHistory.Images, result.Model.TrainingHistory.ValidationImages));
        Assert.Equal(holdOut ? 2 : 1, result.Best.Intervals.Count);
    }

    [Fact]
    public void A_single_trial_is_the_backbone_and_is_trained_on_all_rows()
    {
        using var result = New(trials: 1, holdOut: false).Run();
        using var whole = MlContext.MulticlassClassification.Trainers.Sla(result.Options).Fit(Training.Images(MlContext));
        Assert.Equal($"Backbone={Name}", Assert.Single(result.Trials).Name);
        Assert.Null(result.Best.Last);
        Assert.Equal(whole.Model.Weights.SelectMany(tensor => tensor.Values), Weights(result));
    }

    [Fact]
    public void A_frozen_backbone_in_the_options_is_that_of_all_trials()
    {
        using var result = New(trials: 3, configure: options =>
        {
            (options.Architecture, options.BackboneTraining, options.CompareObjectives) = (Network, BackboneTraining.Frozen, true);
            (options.ImageWidth, options.ImageHeight) = (BackboneFile.Side, BackboneFile.Side);
        }).SetSearchSpace(new SlaSearchSpace()).Run();
        Assert.Equal("defaults", result.Trials[0].Name);
        Assert.All(result.Trials, trial => Assert.Equal((1L, 3), (trial.Steps, result.Trials.DistinctBy(other => other.Name).Count())));
        Assert.Equal(Network.Name, result.Model.Architecture.Name);
        Assert.Contains("Backbone none: the options name a frozen backbone", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_time_has_room_for_both_ways()
    {
        using var result = InTime(seconds: 15).SetSearchSpace(WithBackbone()).Run();
        Assert.True(result.IsComplete);
        Assert.InRange(result.Elapsed.TotalSeconds, 0, 16.5);
        Assert.Equal(result.Trials.OrderByDescending(IsFrozen), result.Trials);
        Assert.InRange(result.Trials.Count(IsFrozen), 1, result.Trials.Count - 1);
    }

    [Fact]
    public void A_ceiling_of_latency_measures_the_backbone_too()
    {
        using var slow = New(trials: 4).SetMetric(SearchMetric.MicroAccuracy, latencyCeiling: TimeSpan.FromMinutes(1)).Run();
        Assert.DoesNotContain("cannot be scored", _log.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, slow.Trials.Count(IsFrozen));
    }

    [Fact]
    public void Thumbnails_and_drawings_are_trained_from_scratch_with_the_reason_in_the_log()
    {
        using var result = Experiment(trials: 1).SetSearchSpace(new SlaSearchSpace()).Run();
        Assert.Equal("defaults", result.Best.Name);
        Assert.Contains(
            "left out of the search: Backbone resnet18: the images do not look like photos. They are grey, with shorter sides of about 28 pixels",
            _log.ToString(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(96, false, true, "none, resnet18")]
    [InlineData(95, false, true, "none")]
    [InlineData(160, true, true, "none, resnet18")]
    [InlineData(159, true, true, "none")]
    [InlineData(224, false, false, "none")]
    public void Photos_can_start_from_ResNet18_unless_the_network_is_named(int side, bool areGrey, bool isNetworkSearched, string choices)
    {
        var dropped = new List<string>();
        var subject = new SearchSubject(new SlaTrainer.Options(), isNetworkSearched, new Lazy<ImageSurvey>(() => new ImageSurvey(side, areGrey)));
        var dimension = StandardDimensions.All().Single(dimension => dimension.Name == StandardDimensions.Backbone).Suiting(subject, dropped);
        Assert.Equal($"Backbone ({choices})", $"{dimension}");
        Assert.Equal(choices == "none", dropped.Count == 1);
    }

    [Fact]
    public void A_fixed_backbone_is_taken_for_images_of_any_kind()
    {
        using var result = New(trials: 1).SetSearchSpace(new SlaSearchSpace().AddBackbone(Name, Network, BackboneFile.Side).Fix("Backbone", Name)).Run();
        Assert.Equal(Network.Name, result.Model.Architecture.Name);
    }

    [Fact]
    public void A_backbone_has_the_size_of_the_options_or_else_that_of_photos()
    {
        Assert.Equal((224, 224), SizeUnder(new SlaTrainer.Options(), side: null));
        Assert.Equal((48, 48), SizeUnder(new SlaTrainer.Options { ImageWidth = 48, ImageHeight = 48 }, side: null));
        Assert.Equal((32, 32), SizeUnder(new SlaTrainer.Options { ImageWidth = 48, ImageHeight = 48 }, side: 32));

        static (int?, int?) SizeUnder(SlaTrainer.Options options, int? side)
        {
            BackboneChoice.Of(Name, Network, side).Set(options);
            return (options.ImageWidth, options.ImageHeight);
        }
    }

    [Fact]
    public void Dimensions_that_a_frozen_backbone_ignores_are_not_among_a_trials()
    {
        using var result = New(trials: 30).SetSearchSpace(new SlaSearchSpace().AddBackbone(Name, Network, BackboneFile.Side).Fix("Backbone", Name)).Run();
        Assert.True(result.Trials.Count > 10);
        Assert.Equal(result.Trials.Count, result.Trials.DistinctBy(trial => trial.Name).Count());
        Assert.All(result.Trials, trial => Assert.Empty(trial.Configuration.Keys.Intersect(["Architecture", "LearningRate", "WeightDecay", "ViewsPerStep"])));

        // The mirror image is all that it takes of the base augmentation, of a single view.
        Assert.All(result.Trials.Where(trial => trial.Configuration.ContainsKey("Augmentation")), trial => Assert.Equal("none", Views(trial)));
    }

    [Fact]
    public void Vectors_of_pixels_are_not_resized_for_a_backbone()
    {
        var pixels = MlContext.Transforms.ResizeImages("Small", 28, 28, "Image").Append(MlContext.Transforms.ExtractPixels("Pixels", "Small", colorsToExtract: ImagePixelExtractingEstimator.ColorBits.Red));
        var images = Training.Images(MlContext);
        using var result = New(trials: 1, configure: options => options.FeatureColumnName = "Pixels").SetDataset(pixels.Fit(images).Transform(images), validationFraction: 0.25f).Run();
        Assert.Equal("defaults", result.Best.Name);
        Assert.Contains("left out of the search: Backbone tiny: the column 'Pixels' has pixels of 1 x 28 x 28", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_network_of_the_same_name_is_another_search()
    {
        New(trials: 1, Folder).Run().Dispose();
        var other = New(trials: 1, Folder).SetSearchSpace(Space().AddBackbone(Name, Architecture.FromOnnx(BackboneFile.PathOf("resnet-folded")), BackboneFile.Side));
        Assert.Contains("Search space: ", Assert.Throws<InvalidOperationException>(() => other.Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_a_backbone_is_refused()
    {
        Assert.Contains("another name", Assert.Throws<ArgumentException>(() => Space().AddBackbone("None", Network)).Message, StringComparison.Ordinal);
        Assert.Contains("FromOnnx", Assert.Throws<ArgumentException>(() => Space().AddBackbone(Name, Architecture.ConvNet())).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Space().AddBackbone(Name, Network, side: 0));
        Assert.Throws<ArgumentException>(() => Space().Remove("Backbone").AddBackbone(Name, Network));
        Assert.Contains("It has none, resnet18, tiny", Assert.Throws<ArgumentException>(() => Space().AddBackbone("TINY", Network).AddBackbone(Name, Network).Fix("Backbone", "other")).Message, StringComparison.Ordinal);
    }

    private static SlaSearchSpace WithBackbone() => Space().AddBackbone(Name, Network, BackboneFile.Side);

    private static SlaSearchSpace BackboneOnly() => WithBackbone().Fix("Backbone", Name);

    private static bool IsFrozen(SlaTrial trial) => trial.Configuration.GetValueOrDefault("Backbone") == Name;

    /// <summary>An experiment whose trials have the small network as a backbone, or none.</summary>
    private SlaExperiment New(int trials, string? folder = null, bool holdOut = true, Action<SlaTrainer.Options>? configure = null) => Experiment(
        folder,
        options =>
        {
            options.Precision = Precision.Float32;
            configure?.Invoke(options);
        },
        trials,
        holdOut: holdOut).SetSearchSpace(WithBackbone());

    /// <summary>Number of views that went through the network.</summary>
    private long Embedded(string search = "")
    {
        string file = Assert.Single(Directory.GetFiles(Path.Combine(Folder, search, "embeddings")));
        const int HashAndChecksum = 24;
        return Math.DivRem(new FileInfo(file).Length, HashAndChecksum + (sizeof(float) * Network.EmbeddingSize)) is (var records, 0) ? records : -1;
    }
}
