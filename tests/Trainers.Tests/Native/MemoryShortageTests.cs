using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Training;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests.Native;

public sealed class MemoryShortageTests
{
    private const string KeepMemory = "SLA_TEST_KEEP_MEMORY";

    private readonly MLContext _context = new(seed: 1);
    private readonly LogMessages _log;

    public MemoryShortageTests() => _log = new LogMessages(_context);

    [Theory]
    [InlineData(nameof(A_batch_that_memory_does_not_hold_says_what_to_lower), true)]
    [InlineData(nameof(A_batch_that_memory_does_not_hold_says_what_to_lower), false)]
    [InlineData(nameof(A_validation_that_memory_does_not_hold_says_what_to_lower), true)]
    public Task On_a_machine_with_little_memory(string test, bool keepMemory)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        return TestProcess.Run(typeof(MemoryShortageTests), test, KeepMemory, $"{keepMemory}");
    }

    [Fact]
    public void A_batch_that_memory_does_not_hold_says_what_to_lower()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        var images = Training.Images(_context, classes: 3, perClass: 200);
        var options = Options();
        options.BatchSize = 100_000;
        using (var scarcity = new Scarcity(step: 1, bytesLeft: 64 << 20))
        {
            options.Augmentations = [scarcity];
            string message = Assert.Throws<InvalidOperationException>(() => _context.MulticlassClassification.Trainers.Sla(options).Fit(images)).Message;
            Assert.Contains("can't allocate memory: you tried to allocate", message, StringComparison.Ordinal);
            Assert.Contains("Lower BatchSize, which is 100000, or raise GradientAccumulation", message, StringComparison.Ordinal);
            Assert.DoesNotContain("\n", message, StringComparison.Ordinal);
        }

        Assert.Contains(_log, message => message.Contains("failed after step 0 of 2. The checkpoint is '", StringComparison.Ordinal));
        options.BatchSize = 16;
        options.Epochs = 1;
        options.Augmentations = [];
        _context.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_context, perClass: 8)).Dispose();
    }

    [Fact]
    public void A_validation_that_memory_does_not_hold_says_what_to_lower()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        var options = Options();
        options.BatchSize = 4;
        options.Inference = SlaInference.Aggregated;
        options.ValidationSet = Training.Images(_context, classes: 3, perClass: 50);
        using var scarcity = new Scarcity(step: 3, bytesLeft: 16 << 20);
        options.Augmentations = [scarcity];
        var images = Training.Images(_context, classes: 3, perClass: 4);

        string message = Assert.Throws<InvalidOperationException>(() => _context.MulticlassClassification.Trainers.Sla(options).Fit(images)).Message;

        Assert.Contains("or ImageWidth and ImageHeight, or use a smaller Architecture", message, StringComparison.Ordinal);
        Assert.Contains(_log, message => message.Contains("failed after step 3 of 6", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_no_training_to_the_end_says_what_to_lower_as_well()
    {
        var options = Options();
        options.Augmentations = [new TooLarge()];
        var images = Training.Images(_context);
        var trainer = _context.MulticlassClassification.Trainers.Sla(options);

        Assert.Contains("Lower BatchSize, which is 16", Assert.Throws<InvalidOperationException>(() => trainer.FindLearningRate(images)).Message, StringComparison.Ordinal);
        Assert.Contains("Lower BatchSize, which is 16", Assert.Throws<InvalidOperationException>(() => trainer.MeasureSpeed(images, TimeSpan.FromSeconds(1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_episodes_the_ways_shots_and_queries_are_named()
    {
        var options = Training.FewShotOptions();
        (options.Ways, options.Shots, options.Queries, options.Augmentations) = (2, 3, 4, [new TooLarge()]);
        var trainer = _context.MulticlassClassification.Trainers.SlaFewShot(options);

        string message = Assert.Throws<InvalidOperationException>(() => trainer.Fit(Training.Images(_context, classes: 8))).Message;

        Assert.Contains("Lower Ways, Shots or Queries, which are 2, 3 and 4, or ImageWidth", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_larger_than_an_array_is_one_that_memory_does_not_hold()
    {
        TorchLibrary.EnsureLoaded();
        using var loader = new BatchLoader(new ImageShape(3, 10_000, 10_000), PixelNormalization.MinusOneToOne, CPU);

        var exception = Assert.Throws<InsufficientMemoryException>(() => loader.Load(null!, 8));

        Assert.Contains("8 images", MemoryShortage.In(exception), StringComparison.Ordinal);
        Assert.Contains("2400000000 bytes", MemoryShortage.In(exception), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(70_000, 70_000)]
    [InlineData(2_000_000_000, 3)]
    [InlineData(10, 4)]
    public void The_parts_of_a_batch_are_alike_and_add_up(int count, int parts)
    {
        int[] sizes = [.. Enumerable.Range(0, parts).Select(part => TrainingStep.PartSize(count, parts, part))];

        Assert.Equal(count, sizes.Sum(size => (long)size));
        Assert.InRange(sizes.Max() - sizes.Min(), 0, 1);
    }

    [Fact]
    public void Other_exceptions_are_of_no_shortage()
    {
        Assert.Null(MemoryShortage.In(new InvalidOperationException("out of memory")));
        Assert.Null(MemoryShortage.In(new TorchException("The size of tensor a (3) must match the size of tensor b (4)\nframe #0")));
        Assert.Null(MemoryShortage.In(new AggregateException(new IOException("full"))));
        Assert.Equal("none left", MemoryShortage.In(new AggregateException(new InsufficientMemoryException("none left"))));
        Assert.Equal("CUDA out of memory. Tried to allocate 20.00 GiB.", MemoryShortage.In(new TorchException("CUDA out of memory. Tried to allocate 20.00 GiB.\nframe #0")));
    }

    private sealed class TorchException(string message) : ExternalException(message);

    private static SlaTrainer.Options Options()
    {
        var options = Training.Options();
        options.Precision = Precision.Float32;
        options.KeepMemory = Environment.GetEnvironmentVariable(KeepMemory) != "False";
        return options;
    }

    /// <summary>Changes nothing, and from a step on leaves the process little memory.</summary>
    private sealed class Scarcity(int step, long bytesLeft) : ImageAugmentation, IDisposable
    {
        private AddressSpace? _space;
        private int _steps;

        public override string ToString() => "Scarcity";

        internal override void Apply(AugmentedBatch batch, Random random)
        {
            if (++_steps == step)
                _space = new AddressSpace(bytesLeft);
        }

        public void Dispose() => _space?.Dispose();
    }
}

/// <summary>Asks torch for more memory than any machine has.</summary>
internal sealed class TooLarge : ImageAugmentation
{
    public override string ToString() => "TooLarge";

    internal override void Apply(AugmentedBatch batch, Random random) => empty(1L << 46).Dispose();
}
