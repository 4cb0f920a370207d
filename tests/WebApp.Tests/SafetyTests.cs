using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class SafetyTests : FolderTest
{
    private const string Key = "a key of sixteen characters or more";

    [Theory]
    [InlineData("/")]
    [InlineData("/app.js")]
    [InlineData("/api/model")]
    [InlineData("/api/nothing")]
    public async Task Every_answer_tells_browsers_to_load_nothing_of_others(string path)
    {
        await using var service = await Service.StartAsync(Folder);

        using var response = await service.Client.GetAsync(path, Token);

        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("DENY", response.Headers.GetValues("X-Frame-Options").Single());
        string policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; script-src 'self';", policy, StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("Server"));
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site", 403)]
    [InlineData("Sec-Fetch-Site", "same-site", 403)]
    [InlineData("Origin", "https://elsewhere.example", 403)]
    [InlineData("Origin", "null", 403)]
    [InlineData("Host", "elsewhere.example", 403)]
    [InlineData("X-Forwarded-For", "192.0.2.1", 403)]
    [InlineData("Forwarded", "for=192.0.2.1", 403)]
    [InlineData("Sec-Fetch-Site", "same-origin", 404)]
    [InlineData("Sec-Fetch-Site", "none", 404)]
    [InlineData("X-Api-Key", "", 404)]
    public async Task Without_a_key_only_this_machine_and_this_page_may_write(string header, string value, int status)
    {
        await using var service = await Service.StartAsync(Folder);

        Assert.Equal(status, (await service.SendAsync(HttpMethod.Delete, "/api/classes/none", content: null, (header, value))).Status);
    }

    [Theory]
    [InlineData(Key, "", 404)]
    [InlineData(Key, "X-Forwarded-For", 404)]
    [InlineData("another key of sixteen or more", "", 401)]
    [InlineData("", "", 401)]
    public async Task With_a_key_whoever_has_it_may_write(string key, string handedOn, int status)
    {
        await using var service = await Service.StartAsync(Folder, ("ApiKey", Key));

        (string, string)[] headers = [("X-Api-Key", key), .. handedOn.Length > 0 ? [(handedOn, "192.0.2.1")] : Array.Empty<(string, string)>()];
        Assert.Equal(status, (await service.SendAsync(HttpMethod.Delete, "/api/classes/none", content: null, headers)).Status);
    }

    [Fact]
    public async Task Nothing_that_was_uploaded_is_kept()
    {
        await using var service = await Service.StartAsync(Folder);
        string[] before = Directory.GetFiles(Folder, "*", SearchOption.AllDirectories);
        int temporary = Directory.GetFiles(Path.GetTempPath(), "ASPNETCORE_*").Length;

        await service.PostAsync("/api/predict", TrainedModels.Image);
        await service.PostFormAsync("/api/predict/batch", [.. Enumerable.Repeat(new byte[200_000], 4)]);

        Assert.Equal(before, Directory.GetFiles(Folder, "*", SearchOption.AllDirectories));
        Assert.Equal(temporary, Directory.GetFiles(Path.GetTempPath(), "ASPNETCORE_*").Length);
    }

    [Fact]
    public async Task A_client_that_sends_too_often_is_told_when_to_come_again()
    {
        await using var service = await Service.StartAsync(Folder, ("RequestsPerSecond", "2"));

        var statuses = new List<int>();
        for (int i = 0; i < 8; i++)
            statuses.Add((await service.SendAsync(HttpMethod.Get, "/api/model")).Status);
        using var refused = await service.Client.GetAsync("/api/model", Token);

        Assert.Equal(200, statuses[0]);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 2);
        Assert.Equal(HttpStatusCode.OK, (await service.Client.GetAsync("/health/ready", Token)).StatusCode);
        await Task.Delay(refused.Headers.RetryAfter.Delta.Value, Token);
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Get, "/api/model")).Status);
    }

    [Fact]
    public async Task Requests_beyond_those_that_fit_are_refused_at_once_and_the_rest_goes_on()
    {
        await using var service = await Service.StartAsync(Folder, ("Requests", "2"));
        using var first = await BeginUploadAsync(service);
        using var second = await BeginUploadAsync(service);

        Assert.Equal(503, await UntilAsync(503, async () => (await service.PostAsync("/api/predict", TrainedModels.Image)).Status));

        // Clients that go away leave their places.
        first.Dispose();
        second.Dispose();
        Assert.Equal(200, await UntilAsync(200, async () => (await service.PostAsync("/api/predict", TrainedModels.Image)).Status));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Sends the beginning of a request.</summary>
    private static async Task<TcpClient> BeginUploadAsync(Service service)
    {
        var address = service.Client.BaseAddress!;
        var connection = new TcpClient();
        await connection.ConnectAsync(address.Host, address.Port, Token);
        await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /api/predict HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc"), Token);
        return connection;
    }

    private static async Task<int> UntilAsync(int status, Func<Task<int>> ask)
    {
        int last = 0;
        for (int i = 0; i < 400 && last != status; i++)
        {
            last = await ask();
            await Task.Delay(10, Token);
        }

        return last;
    }
}
