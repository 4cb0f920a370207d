using System.Text.Json.Nodes;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class TeachTests : FolderTest
{
    private const string OddName = "<img src=x onerror=alert(1)>, \"é\" 🐈";

    private static readonly byte[][] Bags = Images("bag"), Boots = Images("ankle-boot");

    [Fact]
    public async Task A_class_is_taught_recognised_kept_over_a_restart_and_forgotten()
    {
        await using (var service = await Service.StartAsync(Folder))
        {
            Assert.Equal(409, (await service.PostAsync("/api/predict/taught", Bags[3])).Status);
            Assert.Equal(200, (await service.PostFormAsync(Address("bag"), Bags[..3])).Status);
            var (_, taught) = await service.PostFormAsync(Address(OddName), Boots[..3]);
            Assert.Equal((OddName, 3), ((string?)taught!["name"], (int)taught["images"]!));
            Assert.Equal(OddName, await RecogniseAsync(service, Boots[3]));
            Assert.Equal("bag", await RecogniseAsync(service, Bags[3]));
        }

        await using (var service = await Service.StartAsync(Folder))
        {
            Assert.Equal(OddName, await RecogniseAsync(service, Boots[3]));
            Assert.Equal(204, (await service.SendAsync(HttpMethod.Delete, Address(OddName))).Status);
            Assert.Equal(404, (await service.SendAsync(HttpMethod.Delete, Address(OddName))).Status);
            Assert.Equal("bag", await RecogniseAsync(service, Boots[3]));
        }

        await using (var service = await Service.StartAsync(Folder))
            Assert.Equal(["bag"], (await ListAsync(service)).Select(entry => (string?)entry!["name"]));
    }

    [Fact]
    public async Task Images_are_added_to_a_class_up_to_the_limit()
    {
        await using var service = await Service.StartAsync(Folder, ("ImagesPerClass", "4"), ("Classes", "1"));

        Assert.Equal(200, (await service.PostFormAsync(Address("bag"), Bags[..3])).Status);
        Assert.Equal(409, (await service.PostFormAsync(Address("bag"), Bags[..2])).Status);
        Assert.Equal(200, (await service.PostFormAsync(Address("bag"), Bags[3])).Status);
        Assert.Equal(409, (await service.PostFormAsync(Address("boot"), Boots[0])).Status);
        Assert.Equal(4, (int)(await ListAsync(service))[0]!["images"]!);
    }

    [Fact]
    public async Task An_unusable_image_teaches_nothing_and_is_named_by_its_number()
    {
        await using var service = await Service.StartAsync(Folder);

        var (status, body) = await service.PostFormAsync(Address("bag"), Bags[0], [1, 2, 3]);

        Assert.Equal(422, status);
        Assert.Contains("2 of 2", (string?)body!["title"], StringComparison.Ordinal);
        Assert.Empty(await ListAsync(service));
    }

    [Fact]
    public async Task Two_services_share_a_folder()
    {
        await using var one = await Service.StartAsync(Folder);
        await using var other = await Service.StartAsync(Folder);

        await one.PostFormAsync(Address("bag"), Bags[..2]);
        Assert.Equal("bag", (string?)(await ListAsync(other))[0]!["name"]);
        await other.PostFormAsync(Address("boot"), Boots[..2]);
        Assert.Equal("boot", await RecogniseAsync(one, Boots[3]));
    }

    [Fact]
    public async Task A_broken_file_costs_its_own_class_alone()
    {
        await using (var service = await Service.StartAsync(Folder))
        {
            await service.PostFormAsync(Address("bag"), Bags[..2]);
            await service.PostFormAsync(Address("boot"), Boots[..2]);
        }

        string[] files = Directory.GetFiles(InFolder(Path.Combine("artifacts", "webapp", "classes")));
        Assert.Equal(2, files.Length);
        string lost = JsonNode.Parse(await File.ReadAllTextAsync(files[0], Token))!["Name"]!.ToString();
        await File.WriteAllTextAsync(files[0], "{", Token);

        await using (var service = await Service.StartAsync(Folder))
            Assert.Equal(lost == "bag" ? ["boot"] : ["bag"], (await ListAsync(service)).Select(entry => (string?)entry!["name"]));
    }

    [Theory]
    [InlineData("a%2Fb")]
    [InlineData("%20")]
    [InlineData("a%0Ab")]
    public async Task A_name_that_cannot_be_shown_is_refused(string name)
    {
        await using var service = await Service.StartAsync(Folder);

        Assert.Equal(400, (await service.PostFormAsync($"/api/classes/{name}", Bags[0])).Status);
        Assert.Equal(400, (await service.PostFormAsync(Address(new string('a', 101)), Bags[0])).Status);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string Address(string name) => $"/api/classes/{Uri.EscapeDataString(name)}";

    private static byte[][] Images(string label) => Array.ConvertAll(FashionImages.TestOf(label, 4), File.ReadAllBytes);

    private static async Task<JsonArray> ListAsync(Service service) => (await service.SendAsync(HttpMethod.Get, "/api/classes")).Body!.AsArray();

    private static async Task<string?> RecogniseAsync(Service service, byte[] image) =>
        (string?)(await service.PostAsync("/api/predict/taught?top=1", image)).Body![0]!["label"];
}
