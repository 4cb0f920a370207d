using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Sla;
using Spectre.Console;

namespace Sla;

/// <summary>Shows the trials of a search: a table that changes on a terminal, otherwise lines.</summary>
internal sealed class Leaderboard : ISlaExperimentMonitor, ITrainingObserver
{
    private const int MostRows = 15;
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly LiveDisplayContext? _live;
    private readonly List<SlaTrial> _trials = [];
    private SlaTrial? _running;
    private TimeSpan _lastLine;
    private string _activity = "";

    private Leaderboard(LiveDisplayContext? live) => _live = live;

    /// <summary>Runs a search with its monitor.</summary>
    public static T Show<T>(Func<Leaderboard, T> search)
    {
        if (!Terminal.IsLive)
            return search(new Leaderboard(live: null));
        return Terminal.Progress.Live(new Text("reading the images")).Start(context =>
        {
            var board = new Leaderboard(context);
            var found = search(board);
            board.End();
            return found;
        });
    }

    public void ReportRunningTrial(SlaTrial trial)
    {
        _running = trial;
        Add(trial);
        Refresh();
    }

    public void ReportCompletedTrial(SlaTrial trial)
    {
        _running = null;
        _activity = "";
        Add(trial);
        var last = trial.Last!;
        Say(string.Create(CultureInfo.InvariantCulture,
            $"{TimeSpan.FromSeconds(last.Elapsed):hh\\:mm\\:ss}  {trial}: accuracy {last.Accuracy:P1}, log-loss {last.LogLoss:F3}{(IsFrozen(trial) ? "" : $", step {last.Steps}/{trial.Steps}")}"));
        Refresh();
    }

    public void ReportFailTrial(SlaTrial trial)
    {
        _running = null;
        Add(trial);
        Say($"{trial} failed and is left out: {OptionNames.InMessage(trial.Failure!)}");
        Refresh();
    }

    public void OnEmbedding(EmbeddingProgress progress)
    {
        if (progress.ViewsPerSecond <= 0)
            return;
        _activity = string.Create(CultureInfo.InvariantCulture,
            $"{progress.Views} of {progress.Total} views through the network: {progress.ViewsPerSecond:F0} views/s, {progress.Remaining:hh\\:mm\\:ss} left");
        Refresh();
        if (progress.Views < progress.Total && _clock.Elapsed - _lastLine < LineInterval)
            return;
        _lastLine = _clock.Elapsed;
        Say(_activity);
    }

    /// <summary>Shows the trials a last time: nothing reports the end of a training that is not measured.</summary>
    private void End()
    {
        _running = null;
        Refresh();
    }

    private void Add(SlaTrial trial)
    {
        if (!_trials.Contains(trial))
            _trials.Add(trial);
    }

    private void Say(string line)
    {
        if (_live is null)
            Terminal.Note(line);
    }

    private void Refresh()
    {
        if (_live is null)
            return;
        var table = Terminal.Grid("trial", "step", "accuracy", "log-loss", "");
        table.Title = new TableTitle(string.Create(CultureInfo.InvariantCulture, $"{Plural.Of(_trials.Count, "trial")}, {_clock.Elapsed:hh\\:mm\\:ss}"));
        if (_activity.Length > 0)
            table.Caption = new TableTitle(Terminal.Cell(_activity));
        foreach (var trial in InOrder(_trials).Take(MostRows))
        {
            var last = trial.Last;
            table.AddRow(
                Terminal.Cell($"{trial.Number} {trial.Name}"),
                IsFrozen(trial) ? "-" : string.Create(CultureInfo.InvariantCulture, $"{last?.Steps ?? 0}/{trial.Steps}"),
                last is null ? "-" : last.Accuracy.ToString("P1", CultureInfo.InvariantCulture),
                last is null ? "-" : last.LogLoss.ToString("F3", CultureInfo.InvariantCulture),
                trial == _running ? "running" : trial.Failure is null ? "" : "failed");
        }

        _live.UpdateTarget(table);
        _live.Refresh();
    }

    /// <summary>Whether a trial keeps its backbone unchanged. Its training is one step.</summary>
    private static bool IsFrozen(SlaTrial trial) => trial.Steps == 1;

    /// <summary>The complete trials and those that completed most parts first. Of these, the most accurate first.</summary>
    public static IEnumerable<SlaTrial> InOrder(IReadOnlyCollection<SlaTrial> trials)
    {
        int most = trials.Max(trial => (int?)trial.Intervals.Count) ?? 0;
        return trials.OrderByDescending(trial => trial.IsComplete ? most : trial.Intervals.Count).ThenByDescending(trial => trial.Last?.Accuracy);
    }
}
