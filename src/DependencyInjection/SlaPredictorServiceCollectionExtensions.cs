using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.ML.Sla;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="SlaPredictorService"/>.</summary>
public static class SlaPredictorServiceCollectionExtensions
{
    /// <summary>
    /// Adds a predictor as a singleton. The host loads its model when it starts, and loads it again when the file changes.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="modelPath">The model's file: see <see cref="SlaPredictorOptions.ModelPath"/>.</param>
    /// <returns>The services.</returns>
    /// <example>
    /// <code language="csharp">
    /// var builder = WebApplication.CreateBuilder();
    /// builder.Services.AddSlaPredictor("model.zip");
    /// builder.Services.AddHealthChecks().AddSlaPredictor();
    ///
    /// var app = builder.Build();
    /// app.MapHealthChecks("/health");
    /// app.MapPost("/predict", async (Stream image, SlaPredictorService predictor) =&gt; (await predictor.PredictAsync(image)).Top(3));
    /// </code>
    /// </example>
    public static IServiceCollection AddSlaPredictor(this IServiceCollection services, string modelPath)
    {
        ArgumentNullException.ThrowIfNull(modelPath);
        return services.AddSlaPredictor(options => options.ModelPath = modelPath);
    }

    /// <summary>Adds a predictor as a singleton. Wrong options are an <see cref="OptionsValidationException"/> when the host starts.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options. Those of a configuration can be bound to <see cref="SlaPredictorOptions"/> beside it.</param>
    /// <returns>The services.</returns>
    /// <inheritdoc cref="AddSlaPredictor(IServiceCollection, string)" path="/example"/>
    public static IServiceCollection AddSlaPredictor(this IServiceCollection services, Action<SlaPredictorOptions> configure) => services.Add(key: null, configure);

    /// <summary>
    /// Adds one of several predictors, each with a model of its own. <c>[FromKeyedServices(key)]</c> before a parameter chooses it.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="key">The key of the service, also the name of its options, and the model's name in metrics and traces. Not empty.</param>
    /// <param name="modelPath">The model's file: see <see cref="SlaPredictorOptions.ModelPath"/>.</param>
    /// <returns>The services.</returns>
    /// <exception cref="ArgumentException">The key is empty.</exception>
    public static IServiceCollection AddKeyedSlaPredictor(this IServiceCollection services, string key, string modelPath)
    {
        ArgumentNullException.ThrowIfNull(modelPath);
        return services.AddKeyedSlaPredictor(key, options => options.ModelPath = modelPath);
    }

    /// <summary>
    /// Adds one of several predictors, each with a model of its own. <c>[FromKeyedServices(key)]</c> before a parameter chooses it.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="key">The key of the service, also the name of its options, and the model's name in metrics and traces. Not empty.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The services.</returns>
    /// <exception cref="ArgumentException">The key is empty.</exception>
    public static IServiceCollection AddKeyedSlaPredictor(this IServiceCollection services, string key, Action<SlaPredictorOptions> configure)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        return services.Add(key, configure);
    }

    private static IServiceCollection Add(this IServiceCollection services, string? key, Action<SlaPredictorOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        var registered = new RegisteredPredictor(key);
        services.AddOptions<SlaPredictorOptions>(registered.OptionsName).Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SlaPredictorOptions>, OptionsValidation>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, ModelStart>());
        services.TryAddSingleton(provider => new Instruments(provider.GetService<IMeterFactory>()));
        services.AddSingleton(registered);
        services.TryAddKeyedSingleton(key, (provider, _) => NewService(provider, registered));
        return services;
    }

    private static SlaPredictorService NewService(IServiceProvider services, RegisteredPredictor registered)
    {
        var monitor = services.GetRequiredService<IOptionsMonitor<SlaPredictorOptions>>();
        var instruments = services.GetRequiredService<Instruments>();
        var logger = services.GetService<ILogger<SlaPredictorService>>() ?? NullLogger<SlaPredictorService>.Instance;
        string root = services.GetService<IHostEnvironment>()?.ContentRootPath ?? Environment.CurrentDirectory;
        var modelTag = KeyValuePair.Create<string, object?>("sla.model.name", registered.Key ?? "default");
        var options = monitor.Get(registered.OptionsName);
        var model = new ReloadingModel(
            () => ModelVersion.Of(monitor.Get(registered.OptionsName), root),
            options.ReloadOnChange ? options.PollingInterval : null,
            isSuccess => instruments.Reloads.Add(1, modelTag, new("sla.reload.outcome", isSuccess ? "success" : "failure")),
            logger);
        return new SlaPredictorService(model, instruments, modelTag);
    }
}
