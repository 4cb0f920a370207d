using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.ML.Sla;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the health check of <see cref="SlaPredictorService"/>.</summary>
public static class SlaPredictorHealthChecksBuilderExtensions
{
    /// <summary>
    /// Adds the health check of a predictor. It is healthy while the model of the file is in service. It is degraded when a change of the file could not
    /// be loaded, and the model before it stays in service. It has the failure status when no model can be loaded. Its data are
    /// <c>modelPath</c>, <c>loadedAt</c> and <c>classNames</c>.
    /// </summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="key">The key of the predictor; null, the default, for the one without a key.</param>
    /// <param name="name">The name of the check; null, the default, for <c>sla-predictor</c>, or <c>sla-predictor-KEY</c>.</param>
    /// <param name="failureStatus">The status where no model can be loaded; null, the default, for unhealthy.</param>
    /// <param name="tags">Tags that filter checks; null, the default, for none.</param>
    /// <returns>The health checks.</returns>
    public static IHealthChecksBuilder AddSlaPredictor(
        this IHealthChecksBuilder builder, string? key = null, string? name = null, HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var registered = new RegisteredPredictor(key);
        name ??= key is null ? "sla-predictor" : $"sla-predictor-{key}";
        return builder.Add(new HealthCheckRegistration(name, services => new SlaPredictorHealthCheck(services, registered), failureStatus, tags));
    }
}
