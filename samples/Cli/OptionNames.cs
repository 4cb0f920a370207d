using System.Text.RegularExpressions;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>The words on the command line for the library's options and their values.</summary>
internal static class OptionNames
{
    /// <summary>Every objective, the default first.</summary>
    public static readonly (string Word, SlaObjective Value)[] Objectives =
    [
        ("sla-sd", SlaObjective.SlaSelfDistillation),
        ("sla", SlaObjective.Sla),
        ("mt", SlaObjective.MultiTask),
        ("da", SlaObjective.DataAugmentation),
        ("baseline", SlaObjective.Baseline),
    ];

    /// <summary>The option of the command line for each property of the library's options that it sets.</summary>
    public static readonly IReadOnlyDictionary<string, string> OfProperties = new Dictionary<string, string>
    {
        [nameof(SlaTrainer.Options.Architecture)] = "--architecture",
        [nameof(SlaTrainer.Options.Augmentations)] = "--augment",
        [nameof(SlaTrainer.Options.BackboneTraining)] = "--freeze",
        [nameof(SlaTrainer.Options.BalancedSampling)] = "--balanced-sampling",
        [nameof(SlaTrainer.Options.BatchSize)] = "--batch-size",
        [nameof(SlaTrainer.Options.CheckpointFolder)] = "--checkpoint",
        [nameof(SlaTrainer.Options.ClassificationLoss)] = "--loss",
        [nameof(SlaTrainer.Options.ClassWeighting)] = "--class-weighting",
        [nameof(SlaTrainer.Options.DeferredReweighting)] = "--defer-weighting",
        [nameof(SlaTrainer.Options.Device)] = "--device",
        [nameof(SlaTrainer.Options.Epochs)] = "--epochs",
        [nameof(SlaTrainer.Options.ImageHeight)] = "--image-size",
        [nameof(SlaTrainer.Options.ImageWidth)] = "--image-size",
        [nameof(SlaTrainer.Options.Inference)] = "--inference",
        [nameof(SlaTrainer.Options.LearningRate)] = "--learning-rate",
        [nameof(SlaTrainer.Options.Objective)] = "--objective",
        [nameof(SlaTrainer.Options.OnUnreadableImage)] = "--skip-unreadable",
        [nameof(SlaTrainer.Options.Precision)] = "--precision",
        [nameof(SlaTrainer.Options.PretrainedPath)] = "--pretrained",
        [nameof(SlaTrainer.Options.Resume)] = "--resume",
        [nameof(SlaTrainer.Options.Seed)] = "--seed",
        [nameof(SlaTrainer.Options.Threads)] = "--threads",
        [nameof(SlaTrainer.Options.TrainingTime)] = "--max-seconds",
        [nameof(SlaTrainer.Options.Transformations)] = "--transformations",
        [nameof(SlaTrainer.Options.ValidationSet)] = "--validation",
        [nameof(SlaTrainer.Options.ValidationSetFraction)] = "--validation-fraction",
        [nameof(SlaTrainer.Options.ViewsPerStep)] = "--views-per-step",
    };

    /// <summary>What the library says about more than one option, or about those that the command line does not have, and what a command says.</summary>
    private static readonly (string Library, string Command)[] Phrases =
    [
        (@" The checkpoint is '.*': to resume from it, set CheckpointFolder to '.*', Resume to true and Seed to \d+\.", ""),
        (@"TrainingTime, which is [^,]+,", "--max-seconds"),
        (@", or set GradientClipping to 1", ""),
        (", and with Calibration true", ""),
        (@", or raise GradientAccumulation, which is \d+, to train on the batch in smaller parts", ""),
        (@"EmbeddingMemory or PixelMemory, or |, or raise EmbeddingMemory(?=\.)", ""),
        (@"Set Architecture to Architecture\.PretrainedResNet18\(\) or Architecture\.FromOnnx\(path\), or PretrainedPath to weights, or call Fit with an initial model", "Add --backbone resnet18, --backbone FILE.onnx or --pretrained FILE"),
        (@"Try BalancedSampling = true, or ClassificationLoss = .* and DeferredReweighting = 0\.8", "Try --balanced-sampling, or --loss ldam with --class-weighting balanced and --defer-weighting 0.8"),
        (@"ClassWeighting\.ClassBalanced\(\)", "--class-weighting balanced"),
        (@"Try (\d+) Epochs", "Try --epochs $1"),
        (@"Try (\d+) seconds of TrainingTime", "Try --max-seconds $1"),
        (@"TransformationSet\.Rotation2", "--transformations rotation2"),
        (@"SlaObjective\.Baseline", "--objective baseline"),
        (@"Leave HorizontalFlip out of Augmentations", "Leave flip out of --augment"),
        (@"set Architecture to Architecture\.Auto", "leave out --architecture"),
        (@"ImageWidth and ImageHeight", "--image-size"),
        ("Set Resume to true", "Add --resume"),
        (@"Set BackboneTraining to Frozen", "Add --freeze"),
        (@"another Folder\b", "another --folder"),
        (@"^Column 'Image' of row \d+ \(.*?\) cannot be used: (?=The image )", ""),
        (@"and pixelLimit allows ([\d,]+) in all", "and $1 are allowed"),
        (@", or raise pixelLimit", ""),
        (@"a model that mlContext\.Model\.Save wrote", "a model of this library"),
        (@", or null\b[^.]*", ", or left out"),
    ];

    private static readonly Regex Properties = new($@"(?<=^|[\s(])'[^']*'(?=[\s.,;:)]|$)|(?<![\w.-])({string.Join('|', OfProperties.Keys)})(?![\w(=]|\.\w)", RegexOptions.CultureInvariant);

    /// <summary>A message of the library in the words of the command line. What it quotes stays as it is.</summary>
    public static string InMessage(string message)
    {
        foreach (var (library, command) in Phrases)
            message = Regex.Replace(message, library, command, RegexOptions.CultureInvariant);
        return Properties.Replace(message, found => found.Groups[1].Success ? OfProperties[found.Value] : found.Value);
    }

    /// <exception cref="FormatException">The text is none of the words.</exception>
    public static T Find<T>(string text, params (string Word, T Value)[] choices)
    {
        foreach (var (word, value) in choices)
        {
            if (word.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase))
                return value;
        }

        throw new FormatException($"it must be one of {string.Join(", ", choices.Select(choice => choice.Word))}");
    }
}
