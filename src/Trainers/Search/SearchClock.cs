using System.Diagnostics;

namespace Microsoft.ML.Sla.Search;

/// <summary>Measures the time of a search, and ends the search or a part of it at a deadline or on cancellation.</summary>
/// <param name="before">Seconds that the search took before it was resumed.</param>
/// <param name="isHostCancelled">Returns whether ML.NET's context was cancelled.</param>
/// <param name="cancellation">Cancels the search.</param>
internal sealed class SearchClock(double before, Func<bool> isHostCancelled, CancellationToken cancellation)
{
    /// <summary>The longest time that a timer supports, in seconds. A longer deadline is cut to it, because nobody waits 46 days.</summary>
    private const double LongestTimer = 4_000_000;

    private readonly Stopwatch _watch = Stopwatch.StartNew();

    /// <summary>Seconds since the search began, including those before it was resumed.</summary>
    public double Elapsed => before + _watch.Elapsed.TotalSeconds;

    /// <summary>Cancels the search.</summary>
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Whether the caller or ML.NET's context cancelled the search.</summary>
    public bool IsCancelled => Cancellation.IsCancellationRequested || isHostCancelled();

    /// <summary>Runs an action until a deadline. The action's token is cancelled at the deadline, and when the search is cancelled.</summary>
    /// <param name="deadline">A value of <see cref="Elapsed"/>, in seconds; null for none.</param>
    /// <param name="action">The action.</param>
    /// <returns>Whether the action completed before the deadline.</returns>
    /// <exception cref="OperationCanceledException">The search was cancelled.</exception>
    public bool IsDoneBefore(double? deadline, Action<CancellationToken> action)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        if (deadline - Elapsed is { } left)
        {
            if (left <= 0)
                source.Cancel();
            else
                source.CancelAfter(TimeSpan.FromSeconds(Math.Min(left, LongestTimer)));
        }

        try
        {
            action(source.Token);
            return true;
        }
        catch (OperationCanceledException) when (!IsCancelled && source.IsCancellationRequested)
        {
            return false;
        }
    }
}
