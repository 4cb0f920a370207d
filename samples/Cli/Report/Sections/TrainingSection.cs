using System.Xml.Linq;
using Microsoft.ML.Sla;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>Loss, accuracy and learning rate by epoch.</summary>
internal static class TrainingSection
{
    public static XElement Of(TrainingHistory history) => Html.Section(
        "Training",
        Html.Paragraph(KeptWeights(history)),
        Html.Div("charts",
            Losses(history),
            Accuracies(history),
            Chart.ByEpoch("Learning rate", "0.####", Curves(history, ("learning rate", epoch => epoch.LearningRate)))),
        Html.Note(
            "The training loss is the loss of the objective, on augmented images and the views of a step. The validation loss is the cross-entropy of the class probabilities. "
            + "Training accuracy is measured without augmentation, on as many training images as there are validation images."));

    private static string KeptWeights(TrainingHistory history) => history.BestEpoch is { } best
        ? Invariant($"The model has the weights of epoch {best}, the best of {history.Epochs.Count}.{(history.StoppedEarly ? " Early stopping ended the run." : "")}")
        : Invariant($"The model has the weights of the last of {Plural.Of(history.Epochs.Count, "epoch")}.");

    private static XElement Losses(TrainingHistory history) =>
        Chart.ByEpoch("Loss", "0.##", Curves(history, ("training", epoch => epoch.Loss), ("validation", epoch => epoch.ValidationLoss)));

    private static XElement? Accuracies(TrainingHistory history)
    {
        var curves = Curves(history, ("training", epoch => epoch.TrainingAccuracy), ("validation", epoch => epoch.ValidationAccuracy));
        return curves.Count == 0 ? null : Chart.ByEpoch("Accuracy", "P0", curves);
    }

    /// <summary>Those that were measured in an epoch.</summary>
    private static List<ChartLine> Curves(TrainingHistory history, params (string Name, Func<EpochMetrics, double?> Value)[] curves) =>
    [
        .. from curve in curves
           select new ChartLine(curve.Name, [.. history.Epochs.Where(epoch => curve.Value(epoch) is not null).Select(epoch => ((double)epoch.Epoch, curve.Value(epoch)!.Value))])
           into line
           where line.Points.Count > 0
           select line,
    ];
}
