using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace WebApp;

/// <summary>Unhealthy as long as there is no model. It does not ask for the model, which may be in training.</summary>
internal sealed class ModelHealthCheck(ModelState state) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(state.WhyNot is { } why ? HealthCheckResult.Unhealthy(why) : HealthCheckResult.Healthy());
}
