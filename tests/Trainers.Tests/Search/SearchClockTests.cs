using Microsoft.ML.Sla.Search;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What ends a part of a search early.</summary>
public sealed class SearchClockTests
{
    [Fact]
    public void The_time_before_a_search_was_resumed_counts() => Assert.InRange(new SearchClock(before: 100, () => false, default).Elapsed, 100, 160);

    [Fact]
    public void What_is_complete_before_the_deadline_is_in_time()
    {
        var clock = new SearchClock(before: 100, () => false, default);
        Assert.True(clock.IsDoneBefore(null, token => Assert.False(token.IsCancellationRequested)));
        Assert.True(clock.IsDoneBefore(double.MaxValue, token => Assert.False(token.IsCancellationRequested)));
        Assert.True(clock.IsDoneBefore(50, token => Assert.True(token.IsCancellationRequested)));
    }

    [Fact]
    public void What_the_deadline_ends_is_not()
    {
        var clock = new SearchClock(before: 100, () => false, default);
        Assert.False(clock.IsDoneBefore(50, token => token.ThrowIfCancellationRequested()));
        Assert.False(clock.IsDoneBefore(clock.Elapsed + 0.01, Wait));
    }

    [Fact]
    public void A_cancelled_search_is_no_missed_deadline()
    {
        using var cancellation = new CancellationTokenSource();
        var clock = new SearchClock(before: 100, () => false, cancellation.Token);
        Assert.ThrowsAny<OperationCanceledException>(() => clock.IsDoneBefore(50, token =>
        {
            cancellation.Cancel();
            token.ThrowIfCancellationRequested();
        }));
        Assert.True(clock.IsCancelled);

        var host = new SearchClock(before: 100, () => true, default);
        Assert.ThrowsAny<OperationCanceledException>(() => host.IsDoneBefore(50, token => token.ThrowIfCancellationRequested()));
    }

    private static void Wait(CancellationToken token)
    {
        token.WaitHandle.WaitOne(TimeSpan.FromSeconds(30));
        token.ThrowIfCancellationRequested();
    }
}
