using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.FewShot;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

public sealed partial class MemoryTests
{
    [Theory]
    [InlineData(4, ScalarType.Float32)]
    [InlineData(2, ScalarType.Float32)]
    [InlineData(2, ScalarType.BFloat16)]
    public void A_thousand_steps_leave_no_tensor_and_no_memory_behind(int viewsPerStep, ScalarType type)
    {
        var random = new Random(1);
        var store = StepFixture.RandomImages(new ImageShape(1, 8, 8), count: 16, classes: 2, random);
        int[] rows = [.. Enumerable.Range(0, 4)];
        using var fixture = new StepFixture(SlaObjective.SlaSelfDistillation, classes: 2, depth: 8, store, new TrainingSettings(
            Epochs: 1, BatchSize: 4, viewsPerStep, LearningRate: 0.01, LearningRateSchedule.Constant, Momentum: 0.9, WeightDecay: 1e-4, Augmentations: [ImageAugmentation.RandomCrop(2), ImageAugmentation.HorizontalFlip()], Seed: 1)
        { ComputeType = type });
        AssertNothingIsLeft(() => fixture.Run(rows, 0.01, random));
    }

    [Theory]
    [InlineData(FewShotObjective.ViewsAsClasses, PrototypeSimilarity.SquaredEuclidean)]
    [InlineData(FewShotObjective.Sla, PrototypeSimilarity.Cosine)]
    public void A_thousand_episodes_leave_no_tensor_and_no_memory_behind(FewShotObjective kind, PrototypeSimilarity similarity)
    {
        using var scope = TorchScope.Enter(threads: 1, keepMemory: false);
        var random = new Random(1);
        var shape = new EpisodeShape(Ways: 2, Shots: 1, Queries: 1);
        var store = StepFixture.RandomImages(new ImageShape(1, 16, 16), count: 16, classes: 4, random);
        var objective = new PrototypicalObjective(kind, shape, TransformationSet.Rotation.Count, similarity);
        var sampler = new EpisodeSampler(new RowSelection(store, [.. Enumerable.Range(0, store.Count)]), shape, objective.WaysPerClass, episodes: 1000, seed: 1);
        var settings = new TrainingSettings(
            Epochs: 1, shape.Images, objective.ViewsPerStep, LearningRate: 0.01, LearningRateSchedule.Constant, Momentum: 0.9, WeightDecay: 1e-4, Augmentations: [ImageAugmentation.RandomCrop(2)], Seed: 1);
        using var network = new SlaNetwork(Architecture.ConvNet(4), store.Shape, [], seed: 1, scale: 1);
        using var views = new ViewAugmenter(TransformationSet.Rotation, store.Shape, CPU);
        using var loader = new BatchLoader(store.Shape, PixelNormalization.MinusOneToOne, CPU);
        using var step = new TrainingStep(network, objective, views, loader, settings);
        int[] rows = sampler.Rows(epoch: 1)[..shape.Images];
        AssertNothingIsLeft(() =>
        {
            using var images = store.Open(rows);
            step.Run(images, rows.Length, new StepState(0.01), random).Dispose();
        });
    }

    [Theory]
    [InlineData(FewShotObjective.ViewsAsClasses, PrototypeSimilarity.SquaredEuclidean)]
    [InlineData(FewShotObjective.Sla, PrototypeSimilarity.Cosine)]
    public void A_thousand_maps_of_embeddings_leave_no_tensor_and_no_memory_behind(FewShotObjective kind, PrototypeSimilarity similarity)
    {
        using var scope = TorchScope.Enter(threads: 1, keepMemory: false);
        var random = new Random(1);
        float[][] values = [.. Enumerable.Range(0, 16).Select(_ => Enumerable.Range(0, 2 * 6).Select(_ => random.NextSingle()).ToArray())];
        using var store = Embeddings.Store([.. Enumerable.Range(0, 16).Select(image => image / 4)], values, views: 2);
        var images = store.All;
        var objective = new PrototypicalObjective(kind, new EpisodeShape(Ways: 2, Shots: 1, Queries: 1), views: 2, similarity);

        // Such a step is short: the runtime goes on compiling its methods during the first thousands.
        for (int number = 0; number < 3_000; number++)
            Step();
        AssertNothingIsLeft(Step);

        void Step()
        {
            using var fold = new HeldOutClasses(objective, images, images, episodes: 2, new Random(1));
            using var directions = fold.Discriminant.Directions(roundness: 0.5);
            using Tensor map = directions.Map(evenness: 0.5);
            var (similarities, own) = fold.Compare(map);
            MapSearch.Loss(similarities, own, scale: 2);
            similarities.Dispose();
            own.Dispose();
        }
    }

    private static void AssertNothingIsLeft(Action step)
    {
        Run(50);

        // What other tests have left to the garbage collector is gone after this.
        List<(long Tensors, long Managed, long Native)> inUse = [InUse()];
        long tensors = Tensor.TotalCount;
        for (int window = 0; window < 4; window++)
        {
            Run(250);

            // Before the garbage collector is asked for what nobody disposed.
            Assert.Equal(tensors, Tensor.TotalCount);
            inUse.Add(InUse());
        }

        // What a step leaves behind is in every window; what the runtime allocates for itself now and then is not.
        Assert.All(inUse, measured => Assert.Equal(inUse[0].Tensors, measured.Tensors));
        Assert.InRange(LeastGrowth(measured => measured.Managed), long.MinValue, 16 << 10);
        Assert.InRange(LeastGrowth(measured => measured.Native), long.MinValue, 16 << 10);

        void Run(int steps)
        {
            for (int number = 0; number < steps; number++)
                step();
        }

        long LeastGrowth(Func<(long Tensors, long Managed, long Native), long> measure) =>
            inUse.Zip(inUse.Skip(1), (before, after) => measure(after) - measure(before)).Min();
    }

    /// <summary>Live tensors, and bytes allocated and not freed; what allocators keep in reserve does not count.</summary>
    internal static (long Tensors, long Managed, long Native) InUse()
    {
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        GC.WaitForPendingFinalizers();
        var native = OperatingSystem.IsLinux() ? GetMallocInformation() : default;
        return (Tensor.TotalCount, managed, (long)(native.BytesInBlocks + native.BytesInMappedBlocks));
    }

    [LibraryImport("libc.so.6", EntryPoint = "mallinfo2")]
    private static partial MallocInformation GetMallocInformation();

    /// <summary>struct mallinfo2 of glibc's malloc.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MallocInformation
    {
        public nuint Arena;
        public nuint FreeBlocks;
        public nuint FastBlocks;
        public nuint MappedBlocks;
        public nuint BytesInMappedBlocks;
        public nuint Unused;
        public nuint BytesInFastBlocks;
        public nuint BytesInBlocks;
        public nuint BytesFree;
        public nuint BytesOnTop;
    }
}
