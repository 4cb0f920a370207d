using System.Text.Json.Nodes;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A model that <c>sla train</c> made of three classes of real images, for tests that look at it.</summary>
public sealed class TrainedByCli : IAsyncLifetime
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("sla-cli-").FullName;

    public string Images => Path.Combine(Folder, "train");

    public string TestImages => Path.Combine(Folder, "test");

    public string[] TestFiles => [.. Directory.GetFiles(TestImages, "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    public string Model => Path.Combine(Folder, "model.zip");

    public string LogFolder => Path.Combine(Folder, "logs");

    public string Report => Path.Combine(Folder, "report.html");

    internal JsonNode Training { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Copy(FashionImages.Train(classes: 3, perClass: 20), Images);
        Copy(FashionImages.Test(classes: 3, perClass: 10), TestImages);
        Training = await SlaCommand.JsonAsync(SlaCommand.Train(Images, Model, epochs: 6, "--log-dir", LogFolder, "--report", Report));
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    internal static void Copy(IEnumerable<LabelledImage> images, string folder)
    {
        foreach (var image in images)
        {
            string target = Directory.CreateDirectory(Path.Combine(folder, image.Label)).FullName;
            File.Copy(image.ImagePath, Path.Combine(target, Path.GetFileName(image.ImagePath)));
        }
    }
}

/// <summary>Tests that start the program, one after another: they would wait for each other's threads.</summary>
[CollectionDefinition(Name)]
public sealed class CliGroup : ICollectionFixture<TrainedByCli>
{
    public const string Name = "sla";
}
