using System.Globalization;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What makes two trainings the same one.</summary>
public sealed class RunIdentityTests
{
    private static readonly TrainingSettings Plain = new(
        Epochs: 3, BatchSize: 16, ViewsPerStep: 4, LearningRate: 0.05, LearningRateSchedule.Step, Momentum: 0.9, WeightDecay: 1e-4, Augmentations: [], Seed: 7);

    /// <summary>Each setting that has a default, with another value.</summary>
    public static TheoryData<string, object> Others => new()
    {
        { nameof(TrainingSettings.GradientAccumulation), 2 },
        { nameof(TrainingSettings.GradientClipping), 0.5 },
        { nameof(TrainingSettings.WeightAveraging), 0.5 },
        { nameof(TrainingSettings.FrozenEpochs), 1 },
        { nameof(TrainingSettings.LayerRateDecay), 0.5 },
        { nameof(TrainingSettings.FrozenStatistics), true },
        { nameof(TrainingSettings.DeferredReweighting), 0.5 },
        { nameof(TrainingSettings.BalancedSampling), true },
        { nameof(TrainingSettings.EarlyStopping), new EarlyStopping { Patience = 3 } },
        { nameof(TrainingSettings.KeepBest), false },
        { nameof(TrainingSettings.TrainingTime), TimeSpan.FromMinutes(5) },
    };

    [Fact]
    public void Settings_at_their_defaults_have_no_entries()
    {
        Assert.Equal(
            ["Epochs=3", "BatchSize=16", "ViewsPerStep=4", "LearningRate=0.05", "LearningRateSchedule=Step", "Momentum=0.9", "WeightDecay=0.0001", "Seed=7"],
            Plain.Identity().Select(entry => $"{entry.Name}={entry.Value}"));
        Assert.Empty(new ObjectiveSettings().Identity());
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void Every_other_value_makes_another_run(string name, object value)
    {
        var other = Plain with { };
        typeof(TrainingSettings).GetProperty(name)!.SetValue(other, value);
        var difference = Assert.Single(other.Identity().Except(Plain.Identity()));
        Assert.Equal(name, difference.Name);
    }

    [Fact]
    public void No_setting_is_forgotten()
    {
        // The type is an entry of its own, and a tail is no part of what makes a run.
        string[] elsewhere = [nameof(TrainingSettings.ComputeType), nameof(TrainingSettings.Tail), nameof(TrainingSettings.Augmentations), nameof(TrainingSettings.Schedule)];
        Assert.Equal(
            typeof(TrainingSettings).GetProperties().Select(property => property.Name).Except(elsewhere).Order(),
            Plain.Identity().Select(entry => entry.Name).Except(["LearningRateSchedule"]).Concat(Others.Select(row => row.Data.Item1)).Order());
    }

    [Fact]
    public void The_epochs_are_those_that_the_run_began_with()
    {
        var stretched = Plain with { Epochs = 9, Tail = new ScheduleTail(Step: 5, PlannedEpochs: 3, PlannedSteps: 15) };
        Assert.Equal(Plain.Identity(), stretched.Identity());
    }

    [Fact]
    public void Numbers_are_written_the_same_in_every_culture()
    {
        var objective = new ObjectiveSettings(Temperature: 1.5, LabelSmoothing: 0.1) { ClassificationLoss = ClassificationLoss.Focal(1.5), ClassWeighting = ClassWeighting.ClassBalanced(0.5) };
        var before = CultureInfo.CurrentCulture;
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        try
        {
            var expected = Plain.Identity().Concat(objective.Identity()).ToList();
            CultureInfo.CurrentCulture = comma;
            Assert.Equal(expected, Plain.Identity().Concat(objective.Identity()));
            Assert.Contains(("Temperature", "1.5"), expected);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
