using System.Diagnostics;

namespace Microsoft.ML.Sla.Search;

/// <summary>The time of a search, and what ends the search or a part of it early.</summary>
/// <param name="before">Seconds that the search took before it was resumed.</param>
/// <param name="isHostCancelled">Whether ML.NET's context was cancelled.</param>
/// <param name="cancellation">Ends the search.</param>
internal sealed class SearchClock(double before, Func<bool> isHostCancelled, CancellationToken cancellation)
{
    /// <summary>The longest time that a timer takes, in seconds. A search of a longer time has no end that anybody waits for.</summary>
    private const double LongestTimer = 4_000_000;

    private readonly Stopwatch _watch = Stopwatch.StartNew();

    /// <summary>Seconds since the search began, those before it was resumed included.</summary>
    public double Elapsed => before + _watch.Elapsed.TotalSeconds;

    /// <summary>Ends the search.</summary>
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Whether the search was ended by its caller or by ML.NET's context.</summary>
    public bool IsCancelled => Cancellation.IsCancellationRequested || isHostCancelled();

    /// <summary>Runs an action until a deadline. The action's token is cancelled at the deadline, and when the search is cancelled.</summary>
    /// <param name="deadline">Seconds of <see cref="Elapsed"/>; null for none.</param>
    /// <param name="action">The action.</param>
    /// <returns>Whether the action was complete before the deadline.</returns>
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
