using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What ONNX Runtime records about a program in the folder of the user, on a machine that is not one for continuous integration.</summary>
[Collection(CliGroup.Name)]
public sealed class TelemetryTests : FolderTest
{
    private const string Variable = "ORT_DISABLE_TELEMETRY";

    [Fact]
    public async Task Training_and_prediction_record_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "ONNX Runtime records in the user's folder on Linux.");
        string images = Images(), model = InFolder("m.zip");
        await RunAsync("training", null, "train", "--images", images, "--model", model, "--architecture", "conv-net-16", "--epochs", "1", "--image-size", "16");
        Assert.DoesNotContain(Written("training"), path => path.Contains("onnxruntime", StringComparison.OrdinalIgnoreCase));
        await RunAsync("prediction", null, "predict", "--model", model, Path.Combine(images, "0", "0.png"));
        Assert.Empty(Written("prediction"));
        await RunAsync("evaluation", null, "evaluate", "--model", model, "--images", images);
        Assert.Empty(Written("evaluation"));

        // The user may ask for it.
        await RunAsync("asked", "0", "predict", "--model", model, Path.Combine(images, "0", "0.png"));
        Assert.Contains(Written("asked"), path => path.Contains("onnxruntime", StringComparison.OrdinalIgnoreCase));
    }

    private async Task RunAsync(string home, string? variable, params string[] arguments)
    {
        Directory.CreateDirectory(InFolder(home));
        string[] ofIntegration = ["CI", "GITHUB_ACTIONS", "TF_BUILD", "CIRCLECI", "TRAVIS", "GITLAB_CI", "JENKINS_URL", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME"];
        var run = await ProgramRun.RunInAsync("Cli", [("HOME", InFolder(home)), (Variable, variable), .. ofIntegration.Select(name => (name, (string?)null))], arguments);
        Assert.True(run.Code == 0, run.Error);
    }

    private string[] Written(string home) => Directory.GetFileSystemEntries(InFolder(home), "*", SearchOption.AllDirectories);

    private string Images()
    {
        foreach (string label in new[] { "0", "1" })
        {
            Directory.CreateDirectory(InFolder($"images/{label}"));
            for (int number = 0; number < 8; number++)
            {
                using var image = Microsoft.ML.Data.MLImage.CreateFromPixels(16, 16, Microsoft.ML.Data.MLPixelFormat.Bgra32, [.. Enumerable.Repeat((byte)(label == "0" ? number : 255 - number), 4 * 16 * 16)]);
                image.Save(InFolder($"images/{label}/{number}.png"));
            }
        }

        return InFolder("images");
    }
}
