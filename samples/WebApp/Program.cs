// A service that says what images are, and a page to try it on. It also learns classes from a handful of images while it runs.
//   dotnet run -c Release --project samples/WebApp
using System.Text.Json.Serialization;
using Microsoft.ML.Sla;
using OpenTelemetry.Metrics;
using Scalar.AspNetCore;
using WebApp;

const string Reference = "/reference";

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddOptions<WebAppOptions>().BindConfiguration(WebAppOptions.Section).ValidateDataAnnotations().ValidateOnStart();
var options = builder.Configuration.GetSection(WebAppOptions.Section).Get<WebAppOptions>() ?? new WebAppOptions();

// The model. Where it is missing, FirstModel trains it and loads it.
builder.Services.AddSlaPredictor(predictor => Configure(predictor, viewScores: false));
builder.Services.AddKeyedSlaPredictor(Predictions.WithViews, predictor => Configure(predictor, viewScores: true));
builder.Services.AddSingleton<ModelState>().AddSingleton<Predictions>().AddSingleton<Teacher>().AddHostedService<FirstModel>();

// What clients may do.
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.AddServerHeader = false;
    kestrel.Limits.MaxRequestBodySize = Math.Max(30_000_000L, (long)options.ImageBytes * options.ImagesPerRequest);
});
builder.Services.AddRateLimiter(limiter => Limits.Configure(limiter, options));
builder.Services.AddProblemDetails(details => details.CustomizeProblemDetails = Problem.Complete).AddExceptionHandler<ProblemHandler>();
builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull);

// What its operators see.
builder.Services.AddOpenApi();
builder.Services.AddHealthChecks().AddCheck<ModelHealthCheck>("model", tags: ["ready"]);
builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter("Microsoft.ML.Sla").AddAspNetCoreInstrumentation().AddPrometheusExporter());

var app = builder.Build();
app.UseExceptionHandler();
app.UseStatusCodePages();
app.UseSecurityHeaders(Reference);
app.UseRateLimiter();
app.UseDefaultFiles();
app.UseStaticFiles();

var api = app.MapGroup("/api");
api.MapGroup("").WithTags("Model").MapModel();
api.MapGroup("").WithTags("Predictions").MapPredictions();
api.MapGroup("").WithTags("Taught classes").MapClasses();

app.MapHealthChecks("/health/live", new() { Predicate = _ => false });
app.MapHealthChecks("/health/ready", new() { Predicate = check => check.Tags.Contains("ready") });
app.MapPrometheusScrapingEndpoint("/metrics");
app.MapOpenApi();
app.MapScalarApiReference(
    Reference, reference => reference.WithTitle("Routes").ExpandAllTags().DisableDefaultFonts().DisableAgent().DisableMcp().DisableTelemetry().HideDeveloperTools());

await app.RunAsync();

void Configure(SlaPredictorOptions predictor, bool viewScores)
{
    predictor.ModelPath = options.Model(builder.Environment.ContentRootPath).Path;
    predictor.PixelLimit = options.PixelLimit;
    predictor.ViewScores = viewScores;
    predictor.LoadOnStart = false;
}
