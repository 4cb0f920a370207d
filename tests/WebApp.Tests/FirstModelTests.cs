using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class FirstModelTests : FolderTest
{
    [Fact]
    public async Task Without_a_model_one_is_trained_while_the_service_answers_and_kept()
    {
        await using (var service = new Service(Folder, ("TrainingTime", "00:00:05")))
        {
            var (status, body) = await service.PostAsync("/api/predict", TrainedModels.Image);
            Assert.Equal((503, "urn:sla:problem:not-ready"), (status, (string?)body!["type"]));
            Assert.NotNull((await service.SendAsync(HttpMethod.Get, "/api/model")).Body!["whyNot"]);

            await service.UntilReadyAsync();
            Assert.Equal(10, (await service.SendAsync(HttpMethod.Get, "/api/model")).Body!["classes"]!.AsArray().Count);
            Assert.Equal(200, (await service.PostAsync("/api/predict?views=true", TrainedModels.Image)).Status);
        }

        Assert.Equal(["model.zip"], Directory.GetFiles(InFolder(Path.Combine("artifacts", "webapp"))).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_model_that_is_not_there_is_said_and_not_trained()
    {
        await using var service = new Service(Folder, ("ModelPath", InFolder("none.zip")));

        var (status, body) = (0, (string?)null);
        for (int i = 0; i < 400 && body?.Contains("failed", StringComparison.Ordinal) != true; i++)
        {
            var answer = await service.PostAsync("/api/predict", TrainedModels.Image);
            (status, body) = (answer.Status, (string?)answer.Body!["detail"]);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal(503, status);
        Assert.Contains("failed", body!, StringComparison.Ordinal);
        Assert.DoesNotContain(Folder, body!, StringComparison.Ordinal);
    }
}
