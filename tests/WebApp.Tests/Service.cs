using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The program, on a port of its own.</summary>
internal sealed class Service : WebApplicationFactory<Program>
{
    private readonly string _folder;
    private readonly (string Name, string Value)[] _options;

    /// <param name="folder">Its content root, which also has what it writes.</param>
    /// <param name="options">Names of the section WebApp, with their values.</param>
    public Service(string folder, params (string Name, string Value)[] options)
    {
        (_folder, _options) = (folder, options);
        UseKestrel(0);
        StartServer();
        Client = CreateClient();
    }

    public HttpClient Client { get; }

    /// <summary>Starts it with a model of two classes.</summary>
    public static async Task<Service> StartAsync(string folder, params (string Name, string Value)[] options)
    {
        string model = Path.Combine(folder, "model.zip");
        if (!File.Exists(model))
            await File.WriteAllBytesAsync(model, TrainedModels.OfTwo);
        var service = new Service(folder, [("ModelPath", model), .. options]);
        await service.UntilReadyAsync();
        return service;
    }

    public Task UntilReadyAsync() => UntilReadyAsync(Client);

    /// <summary>Waits until a service has its model.</summary>
    public static async Task UntilReadyAsync(HttpClient client)
    {
        for (int i = 0; i < 2400; i++)
        {
            using var response = await client.GetAsync("/health/ready", TestContext.Current.CancellationToken);
            if (response.IsSuccessStatusCode)
                return;
            await Task.Delay(25, TestContext.Current.CancellationToken);
        }

        Assert.Fail("It was not ready in a minute.");
    }

    /// <summary>Sends bytes as a body of their own.</summary>
    public async Task<(int Status, JsonNode? Body)> PostAsync(string path, byte[] body, string type = "image/png")
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return await SendAsync(HttpMethod.Post, path, content);
    }

    /// <summary>Sends a form with files.</summary>
    public async Task<(int Status, JsonNode? Body)> PostFormAsync(string path, params byte[][] files)
    {
        using var form = new MultipartFormDataContent();
        foreach (byte[] file in files)
            form.Add(new ByteArrayContent(file), "image", "../../name.png");
        return await SendAsync(HttpMethod.Post, path, form);
    }

    public async Task<(int Status, JsonNode? Body)> SendAsync(HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        bool isJson = response.Content.Headers.ContentType?.MediaType is "application/json" or "application/problem+json";
        return ((int)response.StatusCode, isJson ? await response.Content.ReadFromJsonAsync<JsonNode>(TestContext.Current.CancellationToken) : null);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseContentRoot(_folder);
        builder.UseWebRoot(Path.Combine(AppContext.BaseDirectory, "wwwroot"));
        builder.UseSetting("Logging:LogLevel:Default", "None");
        builder.UseSetting("WebApp:RequestsPerSecond", "100000");
        foreach (var (name, value) in _options)
            builder.UseSetting($"WebApp:{name}", value);
    }
}
