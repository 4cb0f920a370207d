using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The program as a process, which is killed or told to stop.</summary>
public sealed partial class ProcessTests : FolderTest
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_class_whose_teaching_was_answered_outlives_a_kill()
    {
        byte[][] images = [.. FashionImages.Test(classes: 2, perClass: 4).Select(image => File.ReadAllBytes(image.ImagePath))];
        List<string> answered = [];
        using (var program = await StartAsync())
        {
            Assert.True(await TeachAsync(program, "first", images[0]));
            answered.Add("first");
            var teaching = Enumerable.Range(0, 2).Select(async worker =>
            {
                for (int i = 0; i < 1000; i++)
                {
                    string name = $"{worker} {i}";
                    if (!await TeachAsync(program, name, images[i % images.Length]))
                        return;
                    lock (answered)
                        answered.Add(name);
                }
            }).ToArray();
            while (answered.Count < 10 && !teaching.Any(worker => worker.IsCompleted))
                await Task.Delay(5, Token);
            program.Process.Kill();
            await Task.WhenAll(teaching);
        }

        using var again = await StartAsync();
        using var client = new HttpClient();
        string known = await client.GetStringAsync(new Uri(again.Address, "api/classes"), Token);
        Assert.Empty(answered.Except(JsonNode.Parse(known)!.AsArray().Select(entry => (string)entry!["name"]!)));
    }

    [Fact]
    public async Task A_program_that_is_told_to_stop_finishes_the_request_that_it_has_begun()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        using var program = await StartAsync();
        using var connection = new TcpClient();
        await connection.ConnectAsync(program.Address.Host, program.Address.Port, Token);
        var stream = connection.GetStream();
        byte[] image = TrainedModels.Image;
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {image.Length}\r\n\r\n"), Token);
        await stream.WriteAsync(image.AsMemory(0, 100), Token);
        await Task.Delay(200, Token);

        using (var kill = Process.Start("kill", ["-TERM", $"{program.Process.Id}"]))
            await kill.WaitForExitAsync(Token);
        await program.UntilLoggedAsync("Application is shutting down");
        await stream.WriteAsync(image.AsMemory(100), Token);
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 200 OK", await reader.ReadLineAsync(Token));

        await program.Process.WaitForExitAsync(Token).WaitAsync(TimeSpan.FromSeconds(30), Token);
        Assert.Equal(0, program.Process.ExitCode);
    }

    private static async Task<bool> TeachAsync(RunningProgram program, string name, byte[] image)
    {
        using var client = new HttpClient();
        using var form = new MultipartFormDataContent { { new ByteArrayContent(image), "image", "image.png" } };
        try
        {
            using var response = await client.PostAsync(new Uri(program.Address, $"api/classes/{Uri.EscapeDataString(name)}"), form, Token);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<RunningProgram> StartAsync()
    {
        string model = InFolder("model.zip");
        if (!File.Exists(model))
            await File.WriteAllBytesAsync(model, TrainedModels.OfTwo, Token);
        string[] arguments = [Path.Combine(AppContext.BaseDirectory, "WebApp.dll"), "--urls", "http://127.0.0.1:0", "--WebApp:ModelPath", model, "--WebApp:Folder", Folder, "--WebApp:RequestsPerSecond", "100000"];
        var program = new RunningProgram(Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Folder,
            Environment = { ["Logging__Console__FormatterName"] = "simple" },
        })!);
        await program.UntilReadyAsync();
        return program;
    }

    private sealed partial class RunningProgram : IDisposable
    {
        private readonly StringBuilder _log = new();

        public RunningProgram(Process process)
        {
            Process = process;
            process.OutputDataReceived += (_, line) =>
            {
                lock (_log)
                    _log.AppendLine(line.Data);
            };
            process.BeginOutputReadLine();
        }

        public Process Process { get; }

        public Uri Address { get; private set; } = null!;

        public async Task UntilReadyAsync()
        {
            Address = new Uri(Listening().Match(await UntilLoggedAsync("Now listening on")).Groups[1].Value);
            using var client = new HttpClient { BaseAddress = Address };
            await Service.UntilReadyAsync(client);
        }

        /// <returns>The log.</returns>
        public async Task<string> UntilLoggedAsync(string text)
        {
            for (int i = 0; i < 1200; i++)
            {
                string log;
                lock (_log)
                    log = _log.ToString();
                if (log.Contains(text, StringComparison.Ordinal))
                    return log;
                await Task.Delay(25, Token);
            }

            throw new TimeoutException($"The program did not log '{text}' in 30 seconds:\n{_log}");
        }

        public void Dispose()
        {
            if (!Process.HasExited)
                Process.Kill();
            Process.WaitForExit();
            Process.Dispose();
        }

        [GeneratedRegex("Now listening on: (http://[^ \r\n]+)")]
        private static partial Regex Listening();
    }
}
