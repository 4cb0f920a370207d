using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.ML.Sla;

/// <summary>Loads the models when the host starts.</summary>
internal sealed class ModelStart(IServiceProvider services, IEnumerable<RegisteredPredictor> predictors, IOptionsMonitor<SlaPredictorOptions> options) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // To read options is to validate them, also those of models that are loaded later.
        foreach (var predictor in predictors.Where(predictor => options.Get(predictor.OptionsName).LoadOnStart))
        {
            cancellationToken.ThrowIfCancellationRequested();
            predictor.Resolve(services);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
