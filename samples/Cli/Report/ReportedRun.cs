using System.Runtime.InteropServices;
using Microsoft.ML.Sla;
using static System.FormattableString;

namespace Sla.Report;

/// <summary>What a model does not know of the run that made it: lists of names and values.</summary>
/// <param name="Data">What was trained on.</param>
/// <param name="Options">The options.</param>
/// <param name="Speed">Time and speed, and the machine.</param>
internal sealed record ReportedRun(
    IReadOnlyList<(string Name, string Value)> Data, IReadOnlyList<(string Name, string Value)> Options, IReadOnlyList<(string Name, string Value)> Speed)
{
    public static ReportedRun Of(SlaTrainer.Options options, ImageSet images, ImageSet? validation, TimeSpan time, double imagesPerSecond) =>
        new(DataOf(images, validation, options.ValidationSetFraction ?? 0), OptionsOf(options), SpeedOf(time, imagesPerSecond));

    private static List<(string, string)> DataOf(ImageSet images, ImageSet? validation, float validationFraction)
    {
        var survey = images.Survey();
        var classes = images.Images.GroupBy(image => image.Label).OrderBy(group => group.Count()).ToList();
        string sizes = survey.Sizes.Distinct().Count() == 1
            ? $"{survey.Sizes[0].Width} x {survey.Sizes[0].Height}"
            : $"{survey.Sizes.Min(size => size.Width)} x {survey.Sizes.Min(size => size.Height)} to {survey.Sizes.Max(size => size.Width)} x {survey.Sizes.Max(size => size.Height)}";
        return
        [
            ("images", Invariant($"{images.Images.Count:N0} in '{images.Source}'")),
            ("classes", Invariant($"{images.Classes.Count:N0}")),
            ("smallest class", Invariant($"{classes[0].Key}, {Plural.Of(classes[0].Count(), "image", "N0")}")),
            ("largest class", Invariant($"{classes[^1].Key}, {Plural.Of(classes[^1].Count(), "image", "N0")}")),
            ("sizes", survey.Sizes.Count == 0 ? "not known" : Invariant($"{sizes} pixels, {(survey.AreGrey ? "grey" : "colour")} ({Plural.Of(survey.Sizes.Count, "image")} examined)")),
            ("validation", Validation()),
        ];

        string Validation() => validation is not null
            ? Invariant($"{Plural.Of(validation.Images.Count, "image", "N0")} in '{validation.Source}'")
            : validationFraction > 0 ? Invariant($"{validationFraction:P0} of the images") : "none";
    }

    private static List<(string, string)> OptionsOf(SlaTrainer.Options options) =>
    [
        ("objective", $"{options.Objective}"),
        ("transformations", $"{options.Transformations}"),
        ("views a step", Invariant($"{options.ViewsPerStep ?? options.Transformations.Count}")),
        ("architecture", $"{options.Architecture}"),
        ("image size", Invariant($"{options.ImageWidth} x {options.ImageHeight}, {Plural.Of(options.Channels, "channel")}")),
        ("epochs", options.TrainingTime is { } time ? Invariant($"as many as fit into {time:hh\\:mm\\:ss}") : Invariant($"{options.Epochs}")),
        ("batch size", Invariant($"{options.BatchSize}")),
        ("learning rate", Invariant($"{options.LearningRate:G3}, {options.LearningRateSchedule}")),
        ("momentum, weight decay", Invariant($"{options.Momentum:G3}, {options.WeightDecay:G3}")),
        ("augmentation", options.Augmentations.Count == 0 ? "none" : string.Join(", ", options.Augmentations)),
        ("pretrained weights", options.PretrainedPath ?? "none"),
        ("seed", Invariant($"{options.Seed}")),
        ("precision, device", $"{options.Precision}, {options.Device}"),
    ];

    private static List<(string, string)> SpeedOf(TimeSpan time, double imagesPerSecond) =>
    [
        ("time", Invariant($"{time:hh\\:mm\\:ss}")),
        ("training", imagesPerSecond == 0 ? "already complete" : Invariant($"{imagesPerSecond:N0} images a second")),
        ("memory", Invariant($"{Environment.WorkingSet / (1 << 20):N0} MiB at the end")),
        ("processors", Invariant($"{Environment.ProcessorCount}, {RuntimeInformation.ProcessArchitecture}")),
        ("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}"),
        ("finished", Invariant($"{DateTime.Now:yyyy-MM-dd HH:mm}")),
    ];
}
