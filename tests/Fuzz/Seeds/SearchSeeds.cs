using Microsoft.ML.Sla.Search;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Fuzz.Seeds;

/// <summary>The record of a search, with all that can be in one.</summary>
internal static class SearchSeeds
{
    public const string Kind = "search";
    public const int Rows = 12;

    public static void Write(string folder)
    {
        var configuration = new Dictionary<string, string> { ["Transformations"] = "rotation", ["LearningRate"] = "0.05" };
        var trials = Enumerable.Range(1, 3).Select(number => new PlannedTrial(number, configuration, Epochs: 10, Steps: 100)).ToList();
        var plan = new SearchPlan(
            new Dictionary<string, string> { ["Seed"] = "1", ["Epochs"] = "by time" },
            configuration,
            Frozen: [new Dictionary<string, string> { ["Backbone"] = "resnet18" }],
            FrozenEnd: 4.5,
            Ladder.ForTrials(trials.Count, folds: 1),
            TrainingSeconds: 12.5,
            OverheadSeconds: 0.5,
            trials,
            new Dictionary<string, double> { ["conv-net-64"] = 0.001 },
            new PlannedEnd(Trial: 1, Epochs: 12, Steps: 120, new ScheduleTail(Step: 50, PlannedEpochs: 10, PlannedSteps: 100)));
        using var record = new SearchFolder(Path.Combine(folder, Kind));
        record.Save(plan);
        foreach (var trial in trials)
        {
            bool[] isRight = [.. Enumerable.Range(0, Rows).Select(row => (row + trial.Number) % 3 > 0)];
            record.Append(new TrialRecord
            {
                Trial = trial.Number,
                Configuration = configuration,
                Seed = 1,
                Rung = 0,
                Interval = new SlaTrialInterval
                {
                    Rung = 0,
                    Steps = 33,
                    Seconds = 1.5,
                    Elapsed = 2.5,
                    Accuracy = 0.75,
                    MacroAccuracy = 0.7,
                    LogLoss = 0.6,
                    Against = new SlaPairedComparison { Trial = 1, Better = 2, Worse = 3, Difference = -0.1, StandardError = 0.2 },
                },
                Right = TrialRecord.Digits(isRight),
            });
        }

        record.Append(new TrialRecord { Trial = 1, Configuration = configuration, Seed = 1, Rung = 1, Failure = "The loss is no longer a number." });
        record.Append(new TrialRecord { Trial = 2, Configuration = configuration, Seed = 1, Rung = 1, Ended = 9.5 });
    }
}
