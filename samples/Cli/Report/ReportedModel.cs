using System.Reflection;
using Microsoft.ML.Sla;
using static System.FormattableString;

namespace Sla.Report;

/// <summary>What a model knows about itself.</summary>
/// <param name="Summary">A line about it.</param>
/// <param name="History">How its training went.</param>
/// <param name="Facts">Names and values.</param>
internal sealed record ReportedModel(string Summary, TrainingHistory History, IReadOnlyList<(string Name, string Value)> Facts)
{
    public static ReportedModel Of(SlaTransformer model) => new(SummaryOf(model), model.TrainingHistory, FactsOf(model));

    private static string SummaryOf(SlaTransformer model) => Invariant(
        $"{Plural.Of(model.ClassNames.Count, "class")}, images of {model.ImageShape}; {model.Architecture}; {model.Objective} with {model.Transformations}; scored {model.Inference.ToString().ToLowerInvariant()}.");

    private static List<(string, string)> FactsOf(SlaTransformer model)
    {
        var history = model.TrainingHistory;
        return
        [
            ("network", $"{model.Architecture}, {model.Architecture.Cost(model.ImageShape)}"),
            ("trained on", Invariant($"{Plural.Of(history.Images, "image", "N0")}, {Plural.Of(history.Epochs.Count, "epoch")}, {Plural.Of(history.Epochs[^1].Step, "step", "N0")}, seed {history.Seed}")),
            ("validated on", Plural.Of(history.ValidationImages, "image", "N0")),
            ("unreadable images left out", Invariant($"{history.UnreadableImages:N0}")),
            ("library", $"Microsoft.ML.Sla {LibraryVersion()}"),
        ];
    }

    private static string LibraryVersion() =>
        typeof(SlaTransformer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
