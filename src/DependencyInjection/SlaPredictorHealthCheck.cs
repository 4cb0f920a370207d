using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.ML.Sla;

/// <summary>Says whether a predictor has a model, and whether it is that of the file.</summary>
internal sealed class SlaPredictorHealthCheck(IServiceProvider services, RegisteredPredictor registered) : IHealthCheck
{
    /// <remarks>A model that cannot be loaded is an exception here, of which the caller makes the failure status with the message.</remarks>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var predictor = registered.Resolve(services);
        var data = new Dictionary<string, object> { ["modelPath"] = predictor.ModelPath, ["loadedAt"] = predictor.LoadedAt, ["classNames"] = predictor.ClassNames };
        return Task.FromResult(predictor.Model.Failure is { } failure
            ? HealthCheckResult.Degraded($"A change of the model could not be loaded, and the model before it stays in service: {failure.Message}", failure, data)
            : HealthCheckResult.Healthy(data: data));
    }
}
