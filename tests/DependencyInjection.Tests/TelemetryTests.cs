using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What those see who listen to the meter and the activity source.</summary>
public sealed class TelemetryTests : HostTest
{
    [Fact]
    public async Task Metrics_count_images_errors_batches_and_reloads_of_each_model()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync();
        using var metrics = new Metrics(host);
        var service = Predictor(host);
        service.Predict(TrainedModels.Image);
        await service.PredictAsync(new MemoryStream(TrainedModels.Image), Token);
        service.PredictAll([TrainedModels.Image, TrainedModels.Image, new byte[1]], Token);
        Assert.Throws<InvalidDataException>(() => service.Predict(new byte[1]));
        Assert.Throws<FileNotFoundException>(() => service.Predict("nothing.png"));
        Assert.ThrowsAny<OperationCanceledException>(() => service.PredictAll([TrainedModels.Image, TrainedModels.Image], new CancellationToken(canceled: true)));

        const string Model = "sla.model.name=default", Refused = $"error.type={nameof(System)}.IO.InvalidDataException {Model}", Missing = $"error.type=System.IO.FileNotFoundException {Model}";
        const string Cancelled = $"error.type=System.OperationCanceledException {Model}";
        Assert.Equal([1, 1, 2], metrics.Of("sla.predictions", Model));
        Assert.Equal([1, 1], metrics.Of("sla.prediction.errors", Refused));
        Assert.Equal([1], metrics.Of("sla.prediction.errors", Missing));
        Assert.Equal([2], metrics.Of("sla.prediction.errors", Cancelled));
        Assert.Equal([3], metrics.Of("sla.prediction.batch.size", Model));
        Assert.Equal([3, 1, 1, 1], new[] { Model, Refused, Missing, Cancelled }.Select(tags => metrics.Of("sla.prediction.duration", tags).Length));
        Assert.All(metrics.Of("sla.prediction.duration", Model), seconds => Assert.InRange(seconds, 1e-6, 10));
        Assert.Equal("s", metrics.Instruments["sla.prediction.duration"].Unit);
        Assert.NotNull(((Histogram<double>)metrics.Instruments["sla.prediction.duration"]).Advice?.HistogramBucketBoundaries);

        File.WriteAllBytes(ModelPath, TrainedModels.OfThree);
        await UntilAsync(() => metrics.Of("sla.model.reloads", $"{Model} sla.reload.outcome=success").Length == 1);
        File.WriteAllText(ModelPath, "no model");
        await UntilAsync(() => metrics.Of("sla.model.reloads", $"{Model} sla.reload.outcome=failure").Length == 1);
    }

    [Fact]
    public void Metrics_of_a_program_without_a_meter_factory_name_the_key_of_the_model()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var services = new ServiceCollection().AddKeyedSlaPredictor("bags", ModelPath).BuildServiceProvider();
        var service = services.GetRequiredKeyedService<SlaPredictorService>("bags");
        using var metrics = new Metrics(scope: null);
        service.Predict(TrainedModels.Image);
        Assert.Equal([1], metrics.Of("sla.predictions", "sla.model.name=bags"));
    }

    [Fact]
    public async Task A_call_is_a_span_with_its_model_its_images_and_its_error()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync();
        var service = Predictor(host);
        var spans = new List<Activity>();
        using var request = new Activity("request").Start();
        using (var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Microsoft.ML.Sla",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span => spans.AddRange(span.TraceId == request.TraceId ? [span] : Array.Empty<Activity>()),
        })
        {
            ActivitySource.AddActivityListener(listener);
            service.PredictAll([TrainedModels.Image, new byte[1]], Token);
            await service.PredictAsync(new MemoryStream(TrainedModels.Image), Token);
            Assert.Throws<InvalidDataException>(() => service.Predict(new byte[1]));
        }

        Assert.Same(request, Activity.Current);
        Assert.Equal(3, spans.Count);
        Assert.All(spans, span => Assert.Equal(("sla.predict", request.SpanId, (object)"default"), (span.OperationName, span.ParentSpanId, span.GetTagItem("sla.model.name")!)));
        Assert.Equal([2, 1, 1], spans.Select(span => span.GetTagItem("sla.batch.size")));
        Assert.Equal([ActivityStatusCode.Unset, ActivityStatusCode.Unset, ActivityStatusCode.Error], spans.Select(span => span.Status));
        Assert.Contains("image", spans[2].StatusDescription, StringComparison.Ordinal);
        Assert.Equal("System.IO.InvalidDataException", spans[2].GetTagItem("error.type"));
    }

    [Fact]
    public async Task Without_listeners_a_call_allocates_what_the_predictor_allocates()
    {
        const int Calls = 200;
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync(options => options.ReloadOnChange = false);
        var service = Predictor(host);
        using var predictor = SlaPredictor.Load(ModelPath);
        byte[] pixels = new byte[256];
        var shape = new ImageShape(1, 16, 16);
        long of = Least(() => predictor.Predict(pixels, shape)), with = Least(() => service.Predict(pixels, shape));
        Assert.True(with <= of, $"{with} bytes beside {of}.");

        static long Least(Action call) => Enumerable.Range(0, Calls).Min(_ =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            call();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        });
    }

    /// <summary>The measurements of a program, by instrument and tags.</summary>
    private sealed class Metrics : IDisposable
    {
        private readonly List<(string Instrument, string Tags, double Value)> _values = [];
        private readonly MeterListener _listener = new();

        public Metrics(IHost host)
            : this(host.Services.GetRequiredService<IMeterFactory>())
        {
        }

        public Metrics(object? scope)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name != "Microsoft.ML.Sla" || instrument.Meter.Scope != scope)
                    return;
                Instruments[instrument.Name] = instrument;
                listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public Dictionary<string, Instrument> Instruments { get; } = [];

        public double[] Of(string instrument, string tags)
        {
            lock (_values)
                return [.. _values.Where(value => value.Instrument == instrument && value.Tags == tags).Select(value => value.Value)];
        }

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string text = string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}").Order(StringComparer.Ordinal));
            lock (_values)
                _values.Add((instrument.Name, text, value));
        }
    }
}
