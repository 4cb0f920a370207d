using System.Reflection;
using Microsoft.ML.Sla.Tensors;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What a cancelled experiment returns, and how it goes on.</summary>
public sealed class SearchCancellationTests : SearchTest
{
    [Fact]
    public async Task Cancelled_it_returns_the_best_trial_so_far()
    {
        using var cancellation = new CancellationTokenSource();
        var monitor = new Events { AfterInterval = At(2, cancellation.Cancel) };
        using var result = await Experiment().SetMetric(SearchMetric.LogLoss).SetMonitor(monitor).RunAsync(cancellation.Token);
        Assert.False(result.IsComplete);
        Assert.Equal(2, result.Trials.Count(trial => trial.Intervals.Count > 0));
        Assert.Equal(result.Trials.Min(trial => trial.Last?.LogLoss), result.Best.Last!.LogLoss);
        Assert.Equal(3, Training.Scores(result.Model.Transform(Training.Images(MlContext)))[0].Length);
    }

    [Fact]
    public async Task Cancelled_when_the_last_trial_is_compared_it_returns_the_best()
    {
        using var cancellation = new CancellationTokenSource();
        using var result = await InTime(seconds: 24, trials: 2).SetMonitor(new Events { AfterInterval = At(2, cancellation.Cancel) }).RunAsync(cancellation.Token);
        Assert.False(result.IsComplete);
        Assert.Equal([1, 1], result.Trials.Select(trial => trial.Intervals.Count));
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    public async Task Cancelled_in_the_last_training_it_goes_on_with_it(bool holdOut, int epochs)
    {
        using var cancellation = new CancellationTokenSource();
        var last = new LastTraining();
        var monitor = new Events
        {
            BeforeInterval = trial =>
            {
                if (trial.Intervals.Count == 2)
                    last.AfterEpochs(epochs, cancellation.Cancel);
            },
        };
        using (var cancelled = await Experiment(Folder, options => options.Observers = [last], holdOut: holdOut).SetMonitor(monitor).RunAsync(cancellation.Token))
        {
            Assert.False(cancelled.IsComplete);
            Assert.Equal(6, cancelled.Trials.Sum(trial => trial.Intervals.Count));
            Assert.Equal(3 + epochs, cancelled.Model.TrainingHistory.Epochs.Count);
            Assert.Equal(epochs > 0 && !holdOut ? 72 : 54, cancelled.Model.TrainingHistory.Images);
        }

        using var resumed = Experiment(Folder, holdOut: holdOut).Run();
        using var whole = Experiment(holdOut: holdOut).Run();
        Assert.True(resumed.IsComplete);
        Assert.Equal(whole.Trials.Select(Summary), resumed.Trials.Select(Summary));
        Assert.Equal(Weights(whole), Weights(resumed));
    }

    [Fact]
    public void A_cancelled_context_returns_the_best_trial_so_far()
    {
        // As ML.NET's AutoML does it, which ML.NET shows its internals to.
        var cancel = typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic)!;
        using var result = Experiment().SetMonitor(new Events { AfterInterval = _ => cancel.Invoke(MlContext, null) }).Run();
        Assert.False(result.IsComplete);
        Assert.Equal(1, result.Trials.Sum(trial => trial.Intervals.Count));
    }

    [Fact]
    public async Task Cancelled_before_there_is_anything_it_throws()
    {
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Experiment().RunAsync(cancellation.Token));
    }

    /// <summary>Does something after some epochs of what is trained from then on.</summary>
    private sealed class LastTraining : ITrainingObserver
    {
        private Action _act = () => { };
        private int _left;

        public void AfterEpochs(int epochs, Action act)
        {
            (_left, _act) = (epochs, act);
            if (epochs == 0)
                act();
        }

        public void OnEpochEnd(TrainingProgress metrics)
        {
            if (--_left == 0)
                _act();
        }
    }
}
