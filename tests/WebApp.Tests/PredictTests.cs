using System.Text.Json.Nodes;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class PredictTests : FolderTest
{
    [Fact]
    public async Task An_image_is_predicted_as_the_library_predicts_it()
    {
        await using var service = await Service.StartAsync(Folder);
        using var predictor = SlaPredictor.Load(InFolder("model.zip"));
        var expected = predictor.Predict(TrainedModels.Image);

        foreach (var (status, body) in new[] { await service.PostAsync("/api/predict", TrainedModels.Image), await service.PostFormAsync("/api/predict", TrainedModels.Image) })
        {
            Assert.Equal(200, status);
            Assert.Equal(expected.Label, (string?)body!["label"]);
            Assert.Equal(expected.Probability, (float)body["probability"]!);
            Assert.Equal(expected.Top(5).Select(entry => entry.Probability), body["top"]!.AsArray().Select(entry => (float)entry!["probability"]!));
            Assert.Null(body["views"]);
        }
    }

    [Fact]
    public async Task The_program_of_the_guide_is_answered()
    {
        await using var service = await Service.StartAsync(Folder);
        await File.WriteAllBytesAsync(InFolder("new.png"), TrainedModels.Image, TestContext.Current.CancellationToken);

        string label = await Guides.WebApp.WebAppGuide.AskAsync($"{service.Client.BaseAddress}", InFolder("new.png"));

        Assert.Equal((string?)(await service.PostAsync("/api/predict", TrainedModels.Image)).Body!["label"], label);
    }

    [Fact]
    public async Task Each_view_says_what_it_sees_if_asked()
    {
        await using var service = await Service.StartAsync(Folder);
        using var predictor = SlaPredictor.Load(InFolder("model.zip")).WithViewScores();
        var expected = predictor.Predict(TrainedModels.Image);

        var (_, body) = await service.PostAsync("/api/predict?views=true&top=1", TrainedModels.Image);

        var views = body!["views"]!.AsArray();
        Assert.Equal(predictor.Transformations.Select(view => view.Name), views.Select(view => (string)view!["view"]!));
        Assert.Equal(Enumerable.Range(0, 4).Select(view => expected.TopOfView(view, 1)[0].Probability), views.Select(view => (float)view!["top"]![0]!["probability"]!));
    }

    [Fact]
    public async Task The_views_are_described_as_the_library_makes_them()
    {
        await using var service = await Service.StartAsync(Folder);

        var (_, body) = await service.SendAsync(HttpMethod.Get, "/api/model/views");

        var shape = new ImageShape((int)body!["channels"]!, (int)body["height"]!, (int)body["width"]!);
        Assert.Equal(TransformationSet.Rotation[1].GetPermutation(shape), body["views"]![1]!["indices"]!.AsArray().Select(index => (int)index!));
    }

    [Fact]
    public async Task A_batch_has_a_prediction_or_a_problem_for_each_image()
    {
        await using var service = await Service.StartAsync(Folder);

        var (status, body) = await service.PostFormAsync("/api/predict/batch", TrainedModels.Image, [1, 2, 3], TrainedModels.Image);

        Assert.Equal(200, status);
        Assert.Equal(3, body!.AsArray().Count);
        Assert.Equal("urn:sla:problem:unusable-image", (string?)body[1]!["problem"]!["type"]);
        Assert.Equal((float)body[0]!["prediction"]!["probability"]!, (float)body[2]!["prediction"]!["probability"]!);
    }

    [Fact]
    public async Task A_model_that_changes_is_taken_while_the_service_runs()
    {
        await using var service = await Service.StartAsync(Folder);
        Assert.Equal(2, await CountClassesAsync(service));

        await File.WriteAllBytesAsync(InFolder("other.zip"), TrainedModels.OfThree, TestContext.Current.CancellationToken);
        File.Move(InFolder("other.zip"), InFolder("model.zip"), overwrite: true);
        for (int i = 0; i < 400 && await CountClassesAsync(service) == 2; i++)
            await Task.Delay(25, TestContext.Current.CancellationToken);

        Assert.Equal(3, await CountClassesAsync(service));
        var (status, body) = await service.PostAsync("/api/predict?views=true", TrainedModels.Image);
        Assert.Equal((200, 3), (status, body!["top"]!.AsArray().Count));
        Assert.Equal("identity", (string?)Assert.Single(body["views"]!.AsArray())!["view"]);

        static async Task<int> CountClassesAsync(Service service) => (await service.SendAsync(HttpMethod.Get, "/api/model")).Body!["classes"]!.AsArray().Count;
    }

    [Theory]
    [InlineData("image/png", "not an image", 422, "unusable-image")]
    [InlineData("text/plain", "not an image", 415, "unsupported-type")]
    [InlineData("", "not an image", 415, "unsupported-type")]
    [InlineData("image/png", "", 400, "no-image")]
    [InlineData("multipart/form-data; boundary=x", "no form", 400, "broken-form")]
    [InlineData("multipart/form-data", "no boundary", 400, "broken-form")]
    public async Task What_is_not_an_image_is_refused_with_the_reason(string type, string body, int status, string problem)
    {
        await using var service = await Service.StartAsync(Folder);

        AssertRefused(status, problem, await service.SendAsync(HttpMethod.Post, "/api/predict", Content(type, body)));
        AssertRefused(status, problem, await service.SendAsync(HttpMethod.Post, "/api/predict/taught", Content(type, body)), 409, 415, 400, 422);
    }

    [Fact]
    public async Task An_image_of_too_many_bytes_or_pixels_is_refused()
    {
        await using var service = await Service.StartAsync(Folder, ("ImageBytes", "1000"), ("PixelLimit", "100"), ("ImagesPerRequest", "2"));

        AssertRefused(413, "too-large", await service.PostAsync("/api/predict", new byte[1001]));
        AssertRefused(413, "too-large", await service.PostFormAsync("/api/predict", new byte[1001]));
        AssertRefused(422, "unusable-image", await service.PostAsync("/api/predict", TrainedModels.Image));
        AssertRefused(413, "too-many-images", await service.PostFormAsync("/api/predict/batch", [1], [1], [1]));
        AssertRefused(413, "too-many-images", await service.PostFormAsync("/api/predict", [1], [1]));
    }

    [Theory]
    [InlineData("/api/predict?top=0", 400)]
    [InlineData("/api/predict?top=many", 400)]
    [InlineData("/api/nothing", 404)]
    public async Task A_wrong_address_is_refused_with_details(string path, int status)
    {
        await using var service = await Service.StartAsync(Folder);

        var (answered, body) = await service.PostAsync(path, TrainedModels.Image);

        Assert.Equal(status, answered);
        Assert.Equal(status, (int)body!["status"]!);
    }

    private static ByteArrayContent Content(string type, string body)
    {
        var content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        return content;
    }

    private static void AssertRefused(int status, string problem, (int Status, JsonNode? Body) answer, params int[] orElse)
    {
        Assert.Contains(answer.Status, (int[])[status, .. orElse]);
        if (orElse.Length > 0)
            return;
        Assert.Equal($"urn:sla:problem:{problem}", (string?)answer.Body!["type"]);
        Assert.NotEmpty((string)answer.Body["detail"]!);
        Assert.DoesNotContain("   at ", answer.Body.ToJsonString(), StringComparison.Ordinal);
    }
}
