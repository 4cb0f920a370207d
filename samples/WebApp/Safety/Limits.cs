using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;

namespace WebApp;

/// <summary>How many requests there may be: of a client in a second, and of all clients at the same time.</summary>
internal static class Limits
{
    public static void Configure(RateLimiterOptions limiter, WebAppOptions options)
    {
        var all = PartitionedRateLimiter.Create<HttpContext, bool>(context => IsLimited(context)
            ? RateLimitPartition.GetConcurrencyLimiter(true, _ => new ConcurrencyLimiterOptions { PermitLimit = options.Requests, QueueLimit = 0 })
            : RateLimitPartition.GetNoLimiter(false));
        limiter.GlobalLimiter = options.RequestsPerSecond is { } rate ? PartitionedRateLimiter.CreateChained(OfClient(rate), all) : all;
        limiter.OnRejected = async (rejected, _) =>
        {
            // Only the limit of a client knows when there is room again.
            var problem = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? Problem.TooOften(after) : Problem.Busy();
            await Problem.TryAnswerAsync(rejected.HttpContext, problem);
        };
    }

    private static PartitionedRateLimiter<HttpContext> OfClient(int rate) => PartitionedRateLimiter.Create<HttpContext, string>(context => IsLimited(context)
        ? RateLimitPartition.GetTokenBucketLimiter($"{context.Connection.RemoteIpAddress}", _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = 2 * rate,
            TokensPerPeriod = rate,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            QueueLimit = 0,
        })
        : RateLimitPartition.GetNoLimiter(""));

    /// <summary>Health and metrics are asked for when the service is busy, too.</summary>
    private static bool IsLimited(HttpContext context) => context.Request.Path.StartsWithSegments("/api");
}
