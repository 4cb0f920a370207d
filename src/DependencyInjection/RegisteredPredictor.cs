using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Microsoft.ML.Sla;

/// <summary>A predictor that a program registered.</summary>
/// <param name="Key">Its key; null for the one without.</param>
internal sealed record RegisteredPredictor(string? Key)
{
    /// <summary>The name of its options.</summary>
    public string OptionsName => Key ?? Options.DefaultName;

    /// <summary>The service, which the first call makes.</summary>
    public SlaPredictorService Resolve(IServiceProvider services) =>
        Key is null ? services.GetRequiredService<SlaPredictorService>() : services.GetRequiredKeyedService<SlaPredictorService>(Key);
}
