using System.Reflection;
using Sla;
using Sla.Commands;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Messages of the library in the words of the command line.</summary>
public sealed class OptionNamesTests
{
    /// <summary>Options of the library that the command line leaves as they are, or sets by itself.</summary>
    private static readonly string[] NotOnTheCommandLine =
    [
        "LabelColumnName", "FeatureColumnName", "ScoreColumnName", "PredictedLabelColumnName", "ViewScoresColumnName", "ConfidenceColumnName", "Calibration", "Channels", "Resizing", "PixelMaximum", "Normalization",
        "PixelMemory", "EmbeddingMemory", "LearningRateSchedule", "Momentum", "WeightDecay", "GradientClipping", "KeepMemory", "CheckpointSteps", "Observers", "MetricsCallback",
        "CancellationToken", "LossReduction", "LabelSmoothing", "MeasureTrainingAccuracy", "EarlyStopping", "KeepBest", "GradientAccumulation", "WeightAveraging", "FrozenEpochs",
        "LayerRateDecay", "Temperature", "Beta", "CompareObjectives", "FrozenStatistics",
    ];

    public static TheoryData<string> Properties => [.. typeof(SlaTrainer.Options).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(property => property.Name)];

    [Theory]
    [MemberData(nameof(Properties))]
    public void Each_option_of_the_library_has_its_name_on_the_command_line(string property)
    {
        string[] options = [.. TrainCommand.Create().Options.Select(option => option.Name)];
        bool isSet = OptionNames.OfProperties.TryGetValue(property, out string? option);
        Assert.NotEqual(NotOnTheCommandLine.Contains(property), isSet);
        if (!isSet)
            return;
        Assert.Contains(option, options);
        Assert.Equal($"The option {option} must be above 0. Set {option}, such as '{property}'.", OptionNames.InMessage($"The option {property} must be above 0. Set {property}, such as '{property}'."));
    }

    [Theory]
    [InlineData(
        "The time was enough for 3 of the 9 training images. Raise TrainingTime, which is 00:00:09.5, or take fewer views.",
        "The time was enough for 3 of the 9 training images. Raise --max-seconds or take fewer views.")]
    [InlineData(
        "The loss became NaN at step 1 (epoch 1 of 3), when the learning rate was 1. Lower LearningRate, which is 1, by a factor of 3 to 10, or set GradientClipping to 1.",
        "The loss became NaN at step 1 (epoch 1 of 3), when the learning rate was 1. Lower --learning-rate, which is 1, by a factor of 3 to 10.")]
    [InlineData(
        "The training failed after step 1 of 3. The checkpoint is '/it's/c': to resume from it, set CheckpointFolder to '/it's', Resume to true and Seed to 1.",
        "The training failed after step 1 of 3.")]
    [InlineData(
        "Try BalancedSampling = true, or ClassificationLoss = ClassificationLoss.Ldam() with ClassWeighting = ClassWeighting.ClassBalanced() and DeferredReweighting = 0.8, and compare macro accuracy.",
        "Try --balanced-sampling, or --loss ldam with --class-weighting balanced and --defer-weighting 0.8, and compare macro accuracy.")]
    [InlineData(
        "Lower BatchSize, which is 64, or raise GradientAccumulation, which is 1, to train on the batch in smaller parts; or lower ViewsPerStep, or ImageWidth and ImageHeight, or use a smaller Architecture.",
        "Lower --batch-size, which is 64; or lower --views-per-step, or --image-size, or use a smaller --architecture.")]
    [InlineData("Set Resume to true to continue it, or give another folder as CheckpointFolder.", "Add --resume to continue it, or give another folder as --checkpoint.")]
    [InlineData("Try 9 Epochs, fewer transformations, such as TransformationSet.Rotation2, or SlaObjective.Baseline.", "Try --epochs 9, fewer transformations, such as --transformations rotation2, or --objective baseline.")]
    [InlineData("Try 300 seconds of TrainingTime, fewer transformations, such as TransformationSet.Rotation2, or SlaObjective.Baseline.", "Try --max-seconds 300, fewer transformations, such as --transformations rotation2, or --objective baseline.")]
    [InlineData("The option ViewsPerStep must be from 1 to the 4 views of Transformations, rotation, or null for all.", "The option --views-per-step must be from 1 to the 4 views of --transformations, rotation, or left out.")]
    [InlineData("The option Device is Cuda. Reference TorchSharp-cuda-linux, or set Device to Auto.", "The option --device is Cuda. Reference TorchSharp-cuda-linux, or set --device to Auto.")]
    [InlineData("Column 'Image' of row 12 (ImagePath = 'a (1).png') cannot be used: The image 'a (1).png' cannot be used: it is cut off.", "The image 'a (1).png' cannot be used: it is cut off.")]
    [InlineData("it has 9 x 9 pixels, and pixelLimit allows 1,000 in all. Save it smaller, or raise pixelLimit.", "it has 9 x 9 pixels, and 1,000 are allowed. Save it smaller.")]
    [InlineData("'m.zip' is not a model that mlContext.Model.Save wrote, or it is damaged.", "'m.zip' is not a model of this library, or it is damaged.")]
    [InlineData("The image 'Seed Epochs.png' of the class 'Objective' cannot be used.", "The image 'Seed Epochs.png' of the class 'Objective' cannot be used.")]
    public void A_message_of_the_library_names_options_of_the_command(string library, string command)
    {
        Assert.Equal(command, OptionNames.InMessage(library));
    }

    [Theory]
    [InlineData(0, "0 images", "0 classes")]
    [InlineData(1, "1 image", "1 class")]
    [InlineData(1234, "1234 images", "1234 classes")]
    public void One_is_singular(int count, string images, string classes)
    {
        Assert.Equal(images, Plural.Of(count, "image"));
        Assert.Equal(classes, Plural.Of(count, "class"));
        Assert.Equal(count == 1234 ? "1,234 steps" : $"{count} step{(count == 1 ? "" : "s")}", Plural.Of(count, "step", "N0"));
    }
}
