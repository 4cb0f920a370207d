using Microsoft.ML.Sla.Search;
using Microsoft.ML.Sla.Tensors;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The order of trials by their results.</summary>
public sealed class RankingTests
{
    [Fact]
    public void Trials_that_accuracy_does_not_tell_apart_are_ranked_by_log_loss()
    {
        // Of 100 rows; a trial that has the same rows right and 6 more is 6 +- 4.7 rows ahead, by two standard errors: told apart.
        var second = Result(firstRows: 90, lastRows: 0, logLoss: 0.9);
        var third = Result(firstRows: 84, lastRows: 0, logLoss: 0.5);
        var last = Result(firstRows: 70, lastRows: 0, logLoss: 0.1);
        var first = Result(firstRows: 90, lastRows: 6, logLoss: 0.6);
        Assert.Equal([first, second, third, last], BestFirst(SearchMetric.MicroAccuracy, last, second, third, first));
        Assert.Equal([last, third, first, second], BestFirst(SearchMetric.LogLoss, second, third, first, last));

        // 3 +- 3.4 rows behind the second.
        var close = Result(firstRows: 87, lastRows: 0, logLoss: 0.4);
        Assert.Equal([close, second, last], BestFirst(SearchMetric.MicroAccuracy, second, last, close));
        Assert.Equal([second, close, last], BestFirst(SearchMetric.MacroAccuracy, second, last, close));

        // What is more varied comes before a log-loss, and not before rows.
        Assert.Equal([second, close, last], VariedFirst(second));
        Assert.Equal([close, second, last], VariedFirst(last));

        static RungResult Result(int firstRows, int lastRows, double logLoss)
        {
            bool[] isRight = [.. Enumerable.Range(0, 100).Select(row => row < firstRows || row >= 100 - lastRows)];
            double accuracy = isRight.Count(right => right) / 100.0;
            return new RungResult(Intervals.New(0, 50, accuracy, logLoss), isRight);
        }

        static IEnumerable<RungResult> BestFirst(SearchMetric metric, params RungResult[] results) => Ranking.BestFirst(results, result => result, Settings(metric));

        IEnumerable<RungResult> VariedFirst(RungResult varied) =>
            Ranking.BestFirst([second, last, close], result => result, Settings(SearchMetric.MicroAccuracy), result => result == varied ? 1 : 0);

        static SearchSettings Settings(SearchMetric metric) => new(new SlaTrainer.Options(), [], metric, null, null, null);
    }

    [Fact]
    public void A_log_loss_is_expected_to_fall_on_by_a_power_law_of_the_steps()
    {
        Assert.Equal(0.25, Expected(900, (100, 1), (300, 0.5)), 12);
        Assert.Equal(0.125, Expected(2700, (33, 7), (100, 1), (300, 0.5)), 12);
        Assert.Equal(2, Expected(900, (100, 0.5), (300, 1)), 12);
        Assert.Equal(0.5, Expected(900, (300, 0.5)));
        Assert.Equal(0.5, Expected(900, (100, 0), (300, 0.5)));
        Assert.Equal(0.5, Expected(900, (300, 1), (300, 0.5)));

        static double Expected(long steps, params (long Steps, double LogLoss)[] rungs) =>
            Ranking.ExpectedLogLoss([.. rungs.Select((rung, index) => Intervals.New(index, rung.Steps, accuracy: 0.5, rung.LogLoss))], steps);
    }

    [Fact]
    public void A_paired_difference_has_the_standard_error_of_McNemar()
    {
        bool[] here = [true, true, true, false, false, true, true, false, true, true];
        bool[] there = [true, false, false, true, false, true, true, false, true, false];
        var comparison = SlaPairedComparison.Of(here, 3, there);
        Assert.Equal((3, 3, 1), (comparison.Trial, comparison.Better, comparison.Worse));
        double[] differences = [.. here.Zip(there).Select(row => (row.First ? 1.0 : 0) - (row.Second ? 1 : 0))];
        double mean = differences.Average();
        Assert.Equal(mean, comparison.Difference, 12);
        Assert.Equal(Math.Sqrt(differences.Average(d => (d - mean) * (d - mean)) / 10), comparison.StandardError, 12);
    }
}
