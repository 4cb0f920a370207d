using Microsoft.AspNetCore.Builder;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A web server of a guide, with somebody who uses it.</summary>
internal static class RunningServer
{
    /// <summary>The arguments of a program that listens where no other does, and logs nothing.</summary>
    public static string[] Arguments { get; } = ["--urls", "http://127.0.0.1:0", "--Logging:LogLevel:Default", "None"];

    /// <summary>Waits for the server, uses it and stops it.</summary>
    public static async Task UseAsync(WebApplication app, Func<HttpClient, Task> use)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
            await use(client);
        }
        finally
        {
            await app.StopAsync(TestContext.Current.CancellationToken);
        }
    }
}
