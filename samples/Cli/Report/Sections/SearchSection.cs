using System.Xml.Linq;
using Microsoft.ML.Sla;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>The trials of a search.</summary>
internal static class SearchSection
{
    public static XElement Of(SlaExperimentResult search)
    {
        var trials = Leaderboard.InOrder(search.Trials).ToList();
        return Html.Section(
            "The search",
            Html.Paragraph($"{trials.Count} trials in {search.Elapsed:hh\\:mm\\:ss}; the model is of trial {search.Best.Number}{(search.IsComplete ? "" : ", as far as it was trained when the search was stopped")}."),
            Html.Div("charts", Chart.ByTime("Accuracy of the trials", "P0", trials.Where(trial => trial.Intervals.Count > 0).Select(trial => (trial == search.Best, Curve(trial))))),
            Html.Table(["trial", "steps", "accuracy", "macro accuracy", "log-loss", "less than the best there", "standard error"], trials.Select(Row), "wide trials"),
            Html.Note(
                "Every trial is measured on the same validation images after a part of its training; those that came farthest are first. "
                + "The difference is that to the best trial at the same part so far, by the images that one of the two has right and the other has not."));
    }

    private static ChartLine Curve(SlaTrial trial) =>
        new($"trial {trial.Number}", [.. trial.Intervals.Select(interval => (interval.Elapsed, interval.Accuracy))]);

    private static XElement Row(SlaTrial trial)
    {
        string name = Invariant($"{trial.Number} {trial.Name}{(trial.Failure is null ? "" : $": {trial.Failure}")}");
        if (trial.Last is not { } last)
            return Html.Row(name, "-", "-", "-", "-", "-", "-");
        return Html.Row(
            name,
            Invariant($"{last.Steps:N0} of {trial.Steps:N0}"),
            Html.Percent(last.Accuracy),
            Html.Percent(last.MacroAccuracy),
            Invariant($"{last.LogLoss:F3}"),
            last.Against is { } against ? Html.Percent(-against.Difference) : "-",
            last.Against is { } compared ? Invariant($"± {compared.StandardError:P1}") : "-");
    }
}
