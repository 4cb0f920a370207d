using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using Microsoft.ML.Data;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Tests.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The memory of frozen trainings.</summary>
[SupportedOSPlatform("linux")]
public sealed class FrozenMemoryTests : IDisposable
{
    private const string Budget = "SLA_TEST_BUDGET";
    private const int Images = 10_000;
    private const int ValidationImages = 200;
    private const int Side = 8;
    private const int Size = 1024;
    private const int Classes = 4;

    /// <summary>Of the images in four views: 159 MiB.</summary>
    private const long Bytes = (Images + ValidationImages) * 4L * Size * sizeof(float);

    /// <summary>What a training of any number of images needs: the results of a piece, and what .NET has not collected.</summary>
    private const long Rest = 96 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-frozen-memory-").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(Bytes)]
    [InlineData(16 << 20)]
    public Task Ten_thousand_images_stay_within_the_budget(long budget)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        return TestProcess.Run(typeof(FrozenMemoryTests), nameof(Growth_is_within_the_budget), Budget, budget.ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Growth_is_within_the_budget()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        long budget = long.Parse(Environment.GetEnvironmentVariable(Budget)!, CultureInfo.InvariantCulture);
        string network = Path.Combine(_folder, "network.onnx");
        File.WriteAllBytes(network, Network());
        Fit(network, images: 100, budget);
        GC.Collect();
        long before = Process.GetCurrentProcess().WorkingSet64;
        Fit(network, Images, budget);
        long growth = Process.GetCurrentProcess().PeakWorkingSet64 - before;
        Assert.True(growth < budget + Rest, $"{growth >> 20} MiB");
    }

    private void Fit(string network, int images, long budget)
    {
        var options = new SlaTrainer.Options
        {
            Architecture = Architecture.FromOnnx(network, BackboneFile.Raw),
            BackboneTraining = BackboneTraining.Frozen,
            Precision = Precision.Float32,
            Augmentations = [],
            Objective = SlaObjective.DataAugmentation,
            ImageWidth = Side,
            ImageHeight = Side,
            EmbeddingMemory = budget,
            Threads = 2,
            Seed = 1,
        };
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Rows(0, images), Rows(Images, ValidationImages));
        Assert.Equal(images, model.TrainingHistory.Images);
    }

    private IDataView Rows(int first, int count)
    {
        var definition = SchemaDefinition.Create(typeof(Row));
        definition[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Byte, 3, Side, Side);
        var rows = _mlContext.Data.LoadFromEnumerable(Enumerable.Range(first, count).Select(number => new Row(number)), definition);
        return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
    }

    /// <summary>A network of one convolution, which makes many values of small images.</summary>
    private static byte[] Network()
    {
        var random = new Random(1);
        var graph = new OnnxGraph("tiny");
        string images = graph.Input("images", OnnxType.Float, OnnxGraph.AnySize, 3, Side, Side);
        string values = graph.Node("Conv", [images, graph.Initializer("filters", Numbers(Size * 3 * Side * Side), Size, 3, Side, Side)]);
        string embedding = graph.Node("Flatten", [graph.Node("Relu", [values])]);
        graph.Output("classes", graph.Node("Gemm", [embedding, graph.Initializer("weights", Numbers(Size * 2), Size, 2)]), OnnxType.Float, OnnxGraph.AnySize, 2);
        return graph.ToBytes();

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5) / Size)];
    }

    private sealed class Row
    {
        public Row(int number)
        {
            var random = new Random(number);
            Label = $"{number % Classes}";
            Features = new byte[3 * Side * Side];
            random.NextBytes(Features);
        }

        public string Label { get; }

        public byte[] Features { get; }
    }
}
