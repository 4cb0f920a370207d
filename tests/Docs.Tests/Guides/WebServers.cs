#region program
using Microsoft.ML.Sla;
#endregion

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.Sla.Tests;

namespace Guides.WebServers;

internal static class WebServersGuide
{
    public static async Task RunAsync(string[] args, Func<HttpClient, Task> use)
    {
        #region program
        var builder = WebApplication.CreateBuilder(args);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = 20_000_000);
        builder.Services.AddSlaPredictor(options =>
        {
            options.ModelPath = "model.zip";
            options.PixelLimit = 50_000_000;
        });
        builder.Services.AddHealthChecks().AddSlaPredictor();

        var app = builder.Build();
        app.MapHealthChecks("/health");
        app.MapPost("/predict", async (Stream image, SlaPredictorService predictor, CancellationToken cancelled) =>
        {
            try
            {
                var prediction = await predictor.PredictAsync(image, cancelled);
                return Results.Ok(prediction.Top(3));
            }
            catch (InvalidDataException)
            {
                return Results.BadRequest("This is not a usable image.");
            }
        });
        #endregion

        var user = RunningServer.UseAsync(app, use);

        #region program
        await app.RunAsync();
        #endregion
        await user;
    }

    public static void AddTwo(WebApplicationBuilder builder)
    {
        #region two models
        builder.Services.AddKeyedSlaPredictor("flowers", "flowers.zip");
        builder.Services.AddKeyedSlaPredictor("birds", "birds.zip");
        builder.Services.AddHealthChecks().AddSlaPredictor("flowers").AddSlaPredictor("birds");
        #endregion
    }

    public static void MapTwo(WebApplication app)
    {
        #region one of two
        app.MapPost("/birds", async ([FromKeyedServices("birds")] SlaPredictorService birds, Stream image) =>
            (await birds.PredictAsync(image)).Label);
        #endregion
    }
}
