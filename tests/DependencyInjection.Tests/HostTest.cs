using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Tests of a program with a host, whose content root is the folder of the test.</summary>
public abstract class HostTest : FolderTest
{
    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    protected string ModelPath => InFolder("model.zip");

    /// <summary>What was logged with an error.</summary>
    protected ErrorLog Errors { get; } = new();

    /// <summary>Builds a host.</summary>
    protected IHost NewHost(Action<IServiceCollection> add)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = Folder });
        builder.Services.AddLogging(logging => logging.AddProvider(Errors));
        add(builder.Services);
        return builder.Build();
    }

    /// <summary>Starts a host with a predictor of <see cref="ModelPath"/> that looks for changes all the time.</summary>
    protected async Task<IHost> StartHostAsync(Action<SlaPredictorOptions>? configure = null)
    {
        var host = NewHost(services =>
        {
            services.AddHealthChecks().AddSlaPredictor();
            services.AddSlaPredictor(options =>
            {
                (options.ModelPath, options.PollingInterval) = (ModelPath, TimeSpan.FromMilliseconds(5));
                configure?.Invoke(options);
            });
        });
        await host.StartAsync(Token);
        return host;
    }

    protected static SlaPredictorService Predictor(IHost host) => host.Services.GetRequiredService<SlaPredictorService>();

    protected static async Task<HealthReportEntry> HealthAsync(IHost host, string name = "sla-predictor") =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token)).Entries[name];

    /// <summary>Waits for what a poll does.</summary>
    protected static async Task UntilAsync(Func<bool> isDone)
    {
        for (int i = 0; i < 4000 && !isDone(); i++)
            await Task.Delay(5, Token);
        Assert.True(isDone(), "It did not happen in 20 seconds.");
    }

    protected sealed class ErrorLog : ILoggerProvider, ILogger
    {
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lines)
                    return [.. _lines];
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel == LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            lock (_lines)
                _lines.Add($"{formatter(state, exception)} {exception?.Message}");
        }

        public void Dispose()
        {
        }
    }
}
