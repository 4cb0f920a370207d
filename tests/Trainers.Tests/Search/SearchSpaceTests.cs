using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Search;
using Microsoft.ML.Sla.Tensors;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What an experiment chooses from, and what it leaves out.</summary>
public sealed class SearchSpaceTests : SearchTest
{
    [Fact]
    public void Dimensions_are_added_fixed_and_removed_by_name()
    {
        var space = new SlaSearchSpace().Add("BatchSize", ("8", o => o.BatchSize = 8)).Add("Smoothing", 0.01, 0.2, (o, value) => o.LabelSmoothing = value)
            .Fix("learningrate", "0.05").Remove("Temperature");
        Assert.Equal(["Transformations", "Objective", "Architecture", "Backbone", "LearningRate", "WeightDecay", "Augmentation", "ViewsPerStep", "BatchSize", "Smoothing"], space.Names);
        Assert.Contains("LearningRate (0.05)", space.ToString(), StringComparison.Ordinal);
        Assert.Contains("There are Transformations, Objective", Assert.Throws<ArgumentException>(() => space.Remove("Temperature")).Message, StringComparison.Ordinal);
        Assert.Contains("It has none, rotation2", Assert.Throws<ArgumentException>(() => space.Fix("Transformations", "jigsaw")).Message, StringComparison.Ordinal);
        Assert.Contains("must be a number", Assert.Throws<ArgumentException>(() => space.Fix("LearningRate", "high")).Message, StringComparison.Ordinal);
        Assert.Contains("already", Assert.Throws<ArgumentException>(() => space.Add("BatchSize", ("9", _ => { }))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => space.Add("Rate", 0, 1, (_, _) => { }));
    }

    [Fact]
    public void What_is_chosen_of_one_view_is_no_objective()
    {
        using var result = Experiment(trials: 12).SetSearchSpace(Space().Fix("Transformations", "none")).Run();
        Assert.Equal(12, result.Trials.Count);
        Assert.All(result.Trials, trial => Assert.DoesNotContain("Objective", trial.Configuration.Keys));
    }

    [Fact]
    public void Around_the_baseline_sets_are_compared_under_an_objective_that_learns_from_views()
    {
        using var result = Experiment(configure: options => options.Objective = SlaObjective.Baseline, trials: 6).Run();
        Assert.Equal(6, result.Trials.DistinctBy(trial => trial.Name).Count());
        Assert.Equal(["rotation2", "rotation", "hflip"], result.Trials.Skip(1).Take(3).Select(trial => trial.Configuration.GetValueOrDefault("Transformations", "rotation")));
        Assert.All(result.Trials.Skip(1).Take(3), trial => Assert.Equal("SlaSelfDistillation", trial.Configuration["Objective"]));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("vflip")]
    [InlineData("rotation")]
    public void What_is_drawn_around_a_set_learns_from_its_views_or_is_a_baseline(string set)
    {
        var given = new SlaTrainer.Options { Transformations = TransformationSet.HorizontalFlip, Augmentations = [] };
        var space = new ConfigurationSpace([.. StandardDimensions.All()], given, new ImageShape(3, 32, 32), _ => null);
        var basis = space.ByTransformations(space.Default).Single(configuration => configuration.Values["Transformations"] == set);
        var random = new Random(1);
        var drawn = Enumerable.Range(0, 300).Select(_ => space.Draw(random, basis)).ToList();
        Assert.All(drawn, configuration => Assert.Contains(space.Views(configuration), new[] { space.Views(basis), "none" }));
        Assert.Contains(drawn, configuration => configuration.Values.GetValueOrDefault("Objective") == "Baseline");
        Assert.DoesNotContain(drawn, configuration => configuration.Values.GetValueOrDefault("Augmentation") == "none");
    }

    [Fact]
    public void Values_that_say_what_the_options_say_are_not_among_a_trials()
    {
        using var result = Experiment(trials: 14).Run();
        Assert.Equal(14, result.Trials.DistinctBy(trial => trial.Name).Count());
        Assert.All(result.Trials, trial => Assert.DoesNotContain(trial.Configuration, value => value is { Key: "ViewsPerStep", Value: "2" } or { Key: "Objective", Value: "SlaSelfDistillation" }));
    }

    [Theory]
    [InlineData(SlaInference.Single)]
    [InlineData(SlaInference.Aggregated)]
    public void The_model_scores_as_the_metric_says(SlaInference inference)
    {
        using var result = Experiment().SetMetric(SearchMetric.MacroAccuracy, inference).Run();
        Assert.Equal(inference, result.Model.Inference);
    }

    [Fact]
    public void Transformations_that_are_not_possible_drop_out()
    {
        // Grey images that are not square: no rotation by 90 degrees, no colours.
        using var result = Experiment(configure: options => (options.ImageWidth, options.ImageHeight) = (24, 20), trials: 12)
            .SetSearchSpace(Space().Remove("Objective")).Run();
        string[] sets = [.. result.Trials.Select(trial => trial.Configuration.GetValueOrDefault("Transformations", "none")).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(["hflip", "none", "rotation2", "vflip"], sets);
    }

    [Theory]
    [InlineData("hflip", false)]
    [InlineData("rotation2", true)]
    public void Images_are_not_mirrored_at_random_where_the_mirror_image_is_a_view(string transformations, bool areMirrored)
    {
        using var result = Experiment(configure: options => options.Augmentations = [ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip()], trials: 1)
            .SetSearchSpace(new SlaSearchSpace().Fix("Transformations", transformations)).Run();
        Assert.Equal(areMirrored, result.Options.Augmentations.Any(augmentation => augmentation is HorizontalFlip));
        Assert.Contains(result.Options.Augmentations, augmentation => augmentation is RandomCrop);
    }

    [Fact]
    public void A_ceiling_of_latency_leaves_slow_networks_out_before_they_are_trials()
    {
        var space = new SlaSearchSpace();
        foreach (string name in space.Names.Except(["Transformations", "Architecture"]))
            space.Remove(name);

        // Sixteen times the channels are a hundred times the work or more.
        SlaExperiment experiment = Experiment(configure: options => options.Architecture = Architecture.CifarResNet(8, 16)).SetSearchSpace(space);
        using var found = experiment.SetMetric(SearchMetric.MicroAccuracy, SlaInference.Single, TimeSpan.FromMilliseconds(5)).Run();
        Assert.Equal(4, found.Trials.Count);
        Assert.All(found.Trials, trial => Assert.Null(trial.Failure));
        Assert.All(found.Trials, trial => Assert.Contains("Architecture", trial.Configuration.Keys));

        experiment.SetMetric(SearchMetric.MicroAccuracy, latencyCeiling: TimeSpan.FromTicks(10));
        Assert.Contains("more than the ceiling", Assert.Throws<InvalidOperationException>(() => experiment.Run()).Message, StringComparison.Ordinal);
    }
}
