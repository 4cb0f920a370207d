using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What a program has when its host has started, and what stops the start.</summary>
public sealed class StartTests : HostTest
{
    public static TheoryData<Action<SlaPredictorOptions>, string> WrongOptions => new()
    {
        { options => options.ModelPath = " ", "SlaPredictorOptions.ModelPath is ' '. Give the path of a file that mlContext.Model.Save wrote." },
        { options => options.PixelLimit = 0, "SlaPredictorOptions.PixelLimit is 0. Give 1 or more." },
        { options => options.Inference = (SlaInference)9, "SlaPredictorOptions.Inference is 9. Give Single, Aggregated, Distilled, or null" },
        { options => options.PollingInterval = TimeSpan.Zero, "SlaPredictorOptions.PollingInterval is 00:00:00. Give 1 millisecond to 1 day, or set ReloadOnChange to false." },
        { options => options.PollingInterval = TimeSpan.FromDays(2), "SlaPredictorOptions.PollingInterval is 2.00:00:00." },
    };

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public async Task A_wrong_option_stops_the_start_with_its_name_its_value_and_the_remedy(Action<SlaPredictorOptions> configure, string message)
    {
        foreach (bool loadOnStart in new[] { true, false })
        {
            var refusal = await Assert.ThrowsAsync<OptionsValidationException>(() => StartHostAsync(options =>
            {
                options.LoadOnStart = loadOnStart;
                configure(options);
            }));
            Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_wrong_option_of_a_keyed_predictor_is_named_with_the_key()
    {
        using var host = NewHost(services => services.AddKeyedSlaPredictor("bags", options => options.PixelLimit = -1));
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        Assert.Contains("SlaPredictorOptions.PixelLimit of the predictor 'bags' is -1.", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_model_stops_the_start_with_its_path_and_the_remedy()
    {
        var missing = await Assert.ThrowsAsync<FileNotFoundException>(() => StartHostAsync());
        Assert.Equal($"There is no model '{ModelPath}', which SlaPredictorOptions.ModelPath names. Write it with mlContext.Model.Save, or change the option.", missing.Message);
    }

    [Fact]
    public async Task An_inference_that_the_model_was_not_trained_for_stops_the_start_with_those_that_it_has()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfThree);
        var refusal = await Assert.ThrowsAsync<InvalidDataException>(() => StartHostAsync(options => options.Inference = SlaInference.Aggregated));
        Assert.Equal(
            $"SlaPredictorOptions.Inference is Aggregated, and the model in '{ModelPath}' was not trained for it. Give Single, or null for that of the model.", refusal.Message);
    }

    [Fact]
    public async Task The_inference_and_the_pixel_limit_of_the_options_are_taken()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync(options => options.Inference = SlaInference.Aggregated);
        using SlaPredictor saved = SlaPredictor.Load(ModelPath), aggregated = saved.WithInference(SlaInference.Aggregated);
        Assert.NotEqual(saved.Predict(TrainedModels.Image).Score, aggregated.Predict(TrainedModels.Image).Score);
        Assert.Equal(aggregated.Predict(TrainedModels.Image).Score, Predictor(host).Predict(TrainedModels.Image).Score);

        using var strict = await StartHostAsync(options => options.PixelLimit = 100);
        Assert.Contains("pixelLimit", Assert.Throws<InvalidDataException>(() => Predictor(strict).Predict(TrainedModels.Image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_views_that_the_options_ask_for_are_scored()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync(options => options.ViewScores = true);
        using SlaPredictor saved = SlaPredictor.Load(ModelPath), viewing = saved.WithViewScores();

        Assert.Empty(saved.Predict(TrainedModels.Image).ViewScores);
        Assert.Equal(4, Predictor(host).Predict(TrainedModels.Image).ViewScores.Count);
        Assert.Equal(viewing.Predict(TrainedModels.Image).ViewScores, Predictor(host).Predict(TrainedModels.Image).ViewScores);
        Assert.Equal(viewing.Transformations.Select(view => view.Name), Predictor(host).Transformations.Select(view => view.Name));
        Assert.Equal(viewing.ImageShape, Predictor(host).ImageShape);
    }

    [Fact]
    public async Task The_start_opens_the_network_before_the_first_request()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync();
        var started = DateTimeOffset.UtcNow;
        Assert.True(Predictor(host).LoadedAt < started);
        var network = (Lazy<Task<OnnxRuntime.InferenceSession>>)typeof(SlaPredictor).GetField("_session", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(Predictor(host).Model.Current.Predictor)!;
        Assert.True(network is { IsValueCreated: true, Value.IsCompletedSuccessfully: true });
    }

    [Fact]
    public async Task Without_LoadOnStart_the_first_use_loads_and_health_says_why_it_cannot()
    {
        using var host = await StartHostAsync(options => options.LoadOnStart = false);
        Assert.Throws<FileNotFoundException>(() => Predictor(host));
        var health = await HealthAsync(host);
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.Contains(ModelPath, health.Description, StringComparison.Ordinal);

        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        Assert.Equal(2, Predictor(host).ClassNames.Count);
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);
    }

    [Fact]
    public async Task Health_has_the_path_the_time_and_the_classes()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync();
        var health = await HealthAsync(host);
        Assert.Equal(HealthStatus.Healthy, health.Status);
        Assert.Equal(ModelPath, health.Data["modelPath"]);
        Assert.Equal(Predictor(host).LoadedAt, health.Data["loadedAt"]);
        Assert.Equal(Predictor(host).ClassNames, health.Data["classNames"]);
    }

    [Fact]
    public async Task A_relative_path_begins_at_the_content_root()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = NewHost(services => services.AddSlaPredictor("model.zip"));
        await host.StartAsync(Token);
        Assert.Equal(ModelPath, Predictor(host).ModelPath);
    }

    [Fact]
    public async Task Keyed_predictors_have_models_and_health_checks_of_their_own()
    {
        File.WriteAllBytes(InFolder("two.zip"), TrainedModels.OfTwo);
        File.WriteAllBytes(InFolder("three.zip"), TrainedModels.OfThree);
        using var host = NewHost(services => services
            .AddKeyedSlaPredictor("two", "two.zip")
            .AddKeyedSlaPredictor("three", "three.zip")
            .AddSlaPredictor("three.zip")
            .AddHealthChecks().AddSlaPredictor("two").AddSlaPredictor("three", name: "of three", tags: ["ready"]).AddSlaPredictor());
        await host.StartAsync(Token);
        Assert.Equal(2, host.Services.GetRequiredKeyedService<SlaPredictorService>("two").Predict(TrainedModels.Image).Score.Count);
        Assert.Equal(3, host.Services.GetRequiredKeyedService<SlaPredictorService>("three").Predict(TrainedModels.Image).Score.Count);
        Assert.NotSame(host.Services.GetRequiredKeyedService<SlaPredictorService>("three"), Predictor(host));
        Assert.Equal(InFolder("two.zip"), (await HealthAsync(host, "sla-predictor-two")).Data["modelPath"]);
        Assert.Equal(["ready"], (await HealthAsync(host, "of three")).Tags);
        Assert.Equal(InFolder("three.zip"), (await HealthAsync(host)).Data["modelPath"]);
        Assert.Throws<ArgumentException>(() => new ServiceCollection().AddKeyedSlaPredictor("", "two.zip"));
    }

    [Fact]
    public void A_program_without_a_host_loads_at_the_first_use()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var services = new ServiceCollection().AddSlaPredictor(ModelPath).BuildServiceProvider();
        Assert.Equal(2, services.GetRequiredService<SlaPredictorService>().Predict(TrainedModels.Image).Score.Count);
    }
}
