using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Models that change while a program serves them.</summary>
public sealed class ReloadTests : HostTest
{
    private const int Threads = 4;

    [Fact]
    public async Task Threads_that_predict_while_the_file_is_replaced_lose_no_request()
    {
        const int Replacements = 40;
        byte[][] models = [TrainedModels.OfTwo, TrainedModels.OfThree];
        IReadOnlyList<float>[] expected = [.. models.Select(Scored)];
        File.WriteAllBytes(ModelPath, models[0]);
        using var host = await StartHostAsync();
        var service = Predictor(host);

        bool isDone = false;
        int right = 0, wrong = 0;
        var failures = new ConcurrentQueue<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            while (!Volatile.Read(ref isDone))
            {
                try
                {
                    var score = service.Predict(TrainedModels.Image).Score;
                    Interlocked.Increment(ref expected.Any(score.SequenceEqual) ? ref right : ref wrong);
                }
                catch (Exception exception)
                {
                    failures.Enqueue(exception);
                }
            }
        })
        { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        for (int i = 1; i <= Replacements; i++)
        {
            if (i % 2 == 0)
                File.WriteAllBytes(ModelPath, models[i % 2]);
            else
                Rename(models[i % 2]);
            await UntilAsync(() => service.ClassNames.Count == 2 + i % 2);
        }

        Volatile.Write(ref isDone, true);
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);
        Assert.Equal(0, wrong);
        Assert.True(right > 1000, $"{right}");
    }

    [Theory]
    [InlineData("in place")]
    [InlineData("rename")]
    [InlineData("link of the file")]
    [InlineData("link of the folder")]
    public async Task A_file_that_changes_is_loaded_however_it_was_replaced(string way)
    {
        // Two models of the same length and time, as images of containers may have them.
        int length = Math.Max(TrainedModels.OfTwo.Length, TrainedModels.OfThree.Length);
        byte[] before = Padded(TrainedModels.OfTwo, length), after = Padded(TrainedModels.OfThree, length);
        var time = DateTime.UtcNow.AddDays(-1);
        Write(Path.Combine("v1", "model.zip"), before);
        Write(Path.Combine("v2", "model.zip"), after);
        switch (way)
        {
            case "link of the file":
                File.CreateSymbolicLink(ModelPath, Path.Combine("v1", "model.zip"));
                break;
            case "link of the folder":
                Directory.CreateSymbolicLink(InFolder("data"), "v1");
                File.CreateSymbolicLink(ModelPath, Path.Combine("data", "model.zip"));
                break;
            default:
                Write("model.zip", before);
                break;
        }

        using var host = await StartHostAsync();
        var service = Predictor(host);
        Assert.Equal(2, service.ClassNames.Count);
        switch (way)
        {
            case "in place":
                Write("model.zip", after);
                break;
            case "rename":
                File.Move(InFolder(Path.Combine("v2", "model.zip")), ModelPath, overwrite: true);
                break;
            case "link of the file":
                File.CreateSymbolicLink(InFolder("new"), Path.Combine("v2", "model.zip"));
                File.Move(InFolder("new"), ModelPath, overwrite: true);
                break;
            default:
                Directory.Delete(InFolder("data"));
                Directory.CreateSymbolicLink(InFolder("data"), "v2");
                break;
        }

        await UntilAsync(() => service.ClassNames.Count == 3);
        Assert.Equal(3, service.Predict(TrainedModels.Image).Score.Count);

        void Write(string name, byte[] model)
        {
            string path = InFolder(name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, model);
            File.SetLastWriteTimeUtc(path, time);
        }
    }

    [Fact]
    public async Task A_broken_file_keeps_the_model_and_degrades_health_until_it_is_repaired()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync();
        var service = Predictor(host);

        await AssertDegradesAsync(() => File.Move(ModelPath, InFolder("away.zip")), "There is no model");
        File.Move(InFolder("away.zip"), ModelPath);
        await UntilAsync(() => service.Model.Failure is null);
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);

        await AssertDegradesAsync(() => Rename(TrainedModels.OfThree[..^100]), "mlContext.Model.Save wrote");
        File.WriteAllBytes(ModelPath, TrainedModels.OfThree);
        await UntilAsync(() => service.ClassNames.Count == 3);
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);

        async Task AssertDegradesAsync(Action breakFile, string cause)
        {
            int before = Errors.Lines.Count;
            breakFile();
            await UntilAsync(() => service.Model.Failure is not null);

            // Some tries later it still is one failure.
            await Task.Delay(200, Token);
            string line = Assert.Single(Errors.Lines.Skip(before));
            Assert.Contains(ModelPath, line, StringComparison.Ordinal);
            Assert.Contains(cause, line, StringComparison.Ordinal);
            var health = await HealthAsync(host);
            Assert.Equal(HealthStatus.Degraded, health.Status);
            Assert.Contains(cause, health.Description, StringComparison.Ordinal);
            Assert.Equal(2, service.Predict(TrainedModels.Image).Score.Count);
        }
    }

    [Fact]
    public async Task A_file_that_was_refused_is_tried_again_although_it_seems_the_same()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        var loaded = ModelVersion.Of(new SlaPredictorOptions { ModelPath = ModelPath }, Folder);
        var other = loaded with { Path = InFolder("other.zip") };
        int looks = 0;
        var failureThen = new TaskCompletionSource<Exception?>();
        ReloadingModel? model = null;
        model = new ReloadingModel(
            () => ++looks == 1 ? loaded : other,
            TimeSpan.FromMilliseconds(5),
            isSuccess =>
            {
                if (isSuccess)
                    failureThen.SetResult(model!.Failure);
            },
            Errors);
        using var disposed = model;
        await UntilAsync(() => model.Failure is not null);
        File.WriteAllBytes(other.Path, TrainedModels.OfThree);
        Assert.Null(await failureThen.Task.WaitAsync(TimeSpan.FromSeconds(20), Token));
        Assert.Equal(3, model.Current.Predictor.ClassNames.Count);
    }

    [Fact]
    public async Task A_file_that_still_changes_is_not_loaded()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        File.WriteAllBytes(InFolder("other.zip"), TrainedModels.OfThree);
        var loaded = ModelVersion.Of(new SlaPredictorOptions { ModelPath = ModelPath }, Folder);
        int looks = 0;
        using var model = new ReloadingModel(
            () => loaded with { Path = InFolder(++looks switch { 1 => "model.zip", < 20 => $"unfinished-{looks}.zip", _ => "other.zip" }) },
            TimeSpan.FromMilliseconds(5),
            _ => { },
            Errors);
        await UntilAsync(() => model.Current.Predictor.ClassNames.Count == 3);
        Assert.Empty(Errors.Lines);
    }

    [Fact]
    public async Task Without_ReloadOnChange_the_model_stays()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync(options => options.ReloadOnChange = false);
        Rename(TrainedModels.OfThree);
        await Task.Delay(200, Token);
        Assert.Equal(2, Predictor(host).Predict(TrainedModels.Image).Score.Count);
    }

    [Fact]
    public async Task Changed_options_are_taken_and_wrong_ones_degrade_health()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        File.WriteAllBytes(InFolder("other.zip"), TrainedModels.OfThree);
        string path = ModelPath;
        using var host = await StartHostAsync(options => options.ModelPath = path);
        var service = Predictor(host);
        Change("");
        await UntilAsync(() => service.Model.Failure is OptionsValidationException);
        Assert.Equal(HealthStatus.Degraded, (await HealthAsync(host)).Status);
        Assert.Equal(ModelPath, service.ModelPath);

        Change("other.zip");
        await UntilAsync(() => service.ClassNames.Count == 3);
        Assert.Equal(InFolder("other.zip"), service.ModelPath);
        Assert.Null(service.Model.Failure);

        // What a change of the program's configuration does.
        void Change(string to)
        {
            path = to;
            host.Services.GetRequiredService<IOptionsMonitorCache<SlaPredictorOptions>>().Clear();
        }
    }

    [Fact]
    public async Task A_replaced_model_is_closed_after_its_last_request()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync();
        var service = Predictor(host);
        var old = service.Model.Current.Predictor;
        using var upload = new SlowStream(TrainedModels.Image);
        var request = service.PredictAsync(upload, Token);
        Rename(TrainedModels.OfThree);
        await UntilAsync(() => service.ClassNames.Count == 3);
        Assert.Equal(3, service.Predict(TrainedModels.Image).Score.Count);
        Assert.Equal(2, old.Predict(TrainedModels.Image).Score.Count);

        upload.Arrive();
        Assert.Equal(2, (await request).Score.Count);
        Assert.Throws<ObjectDisposedException>(() => old.Predict(TrainedModels.Image));
    }

    [Fact]
    public async Task All_models_of_50_reloads_but_the_last_are_closed()
    {
        byte[][] models = [TrainedModels.OfTwo, TrainedModels.OfThree];
        File.WriteAllBytes(ModelPath, models[0]);
        using var host = await StartHostAsync();
        var service = Predictor(host);
        var seen = new List<SlaPredictor> { service.Model.Current.Predictor };
        for (int i = 1; i <= 50; i++)
        {
            Rename(models[i % 2]);
            await UntilAsync(() => service.ClassNames.Count == 2 + i % 2);
            seen.Add(service.Model.Current.Predictor);
        }

        Assert.Equal(51, seen.Distinct().Count());
        Assert.All(seen[..^1], predictor => Assert.Throws<ObjectDisposedException>(() => predictor.Predict(TrainedModels.Image)));
        Assert.Equal(2, seen[^1].Predict(TrainedModels.Image).Score.Count);

        host.Dispose();
        Assert.Throws<ObjectDisposedException>(() => seen[^1].Predict(TrainedModels.Image));
    }

    [Fact]
    public async Task A_disposed_service_ends_the_requests_that_have_begun_and_refuses_others()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        var host = await StartHostAsync();
        var service = Predictor(host);
        using var upload = new SlowStream(TrainedModels.Image);
        var request = service.PredictAsync(upload, Token);
        host.Dispose();
        Assert.Contains(nameof(SlaPredictorService), Assert.Throws<ObjectDisposedException>(() => service.Predict(TrainedModels.Image)).Message, StringComparison.Ordinal);

        upload.Arrive();
        Assert.Equal(2, (await request).Score.Count);

        // Nothing is loaded any more.
        Rename(TrainedModels.OfThree);
        await Task.Delay(100, Token);
        Assert.Equal(2, service.ClassNames.Count);
    }

    private static IReadOnlyList<float> Scored(byte[] model)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, model);
            using var predictor = SlaPredictor.Load(path);
            return predictor.Predict(TrainedModels.Image).Score;
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The archive with a comment, which is its last field after the number of the comment's bytes.</summary>
    private static byte[] Padded(byte[] archive, int length)
    {
        int padding = length - archive.Length;
        return [.. archive[..^2], (byte)padding, (byte)(padding >> 8), .. new byte[padding]];
    }

    private void Rename(byte[] model)
    {
        File.WriteAllBytes(InFolder("new"), model);
        File.Move(InFolder("new"), ModelPath, overwrite: true);
    }

    /// <summary>A stream whose bytes arrive when the test says so.</summary>
    private sealed class SlowStream(byte[] content) : MemoryStream(content)
    {
        private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Arrive() => _arrived.SetResult();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await _arrived.Task;
            return await base.ReadAsync(buffer, cancellationToken);
        }

        public override async Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
        {
            await _arrived.Task;
            await base.CopyToAsync(destination, bufferSize, cancellationToken);
        }
    }
}
