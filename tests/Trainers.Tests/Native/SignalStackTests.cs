using System.Runtime.Versioning;
using Microsoft.ML.Sla.Native;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests.Native;

[SupportedOSPlatform("linux")]
public sealed unsafe class SignalStackTests
{
    private const int PageSize = 4096;

    [Fact]
    public void A_null_reference_is_caught_on_a_larger_stack()
    {
        SkipUnlessSupported();
        OnThread(() =>
        {
            nuint before = Size();
            Assert.True(SignalStack.Enlarge());
            Assert.InRange(Size(), before + (32 << 10), before + (256 << 10));
            AssertNullReferenceIsCaught();

            // A second one lies on the first one.
            Assert.True(SignalStack.Enlarge());
            AssertNullReferenceIsCaught();
        });
    }

    [Fact]
    public void Threads_that_end_leave_nothing_mapped()
    {
        SkipUnlessSupported();
        Run(threads: 50);
        int mappings = Mappings();

        Run(threads: 1000);

        // One that is left has three mappings.
        Assert.InRange(Mappings(), 0, mappings + 300);

        static void Run(int threads)
        {
            for (int thread = 0; thread < threads; thread++)
            {
                OnThread(() =>
                {
                    Assert.True(SignalStack.Enlarge());
                    AssertNullReferenceIsCaught();
                });
            }
        }

        static int Mappings() => File.ReadLines("/proc/self/maps").Count();
    }

    [Fact]
    public void A_thread_whose_stack_is_large_enough_keeps_it()
    {
        SkipUnlessSupported();
        Assert.SkipWhen(2 * SignalStack.Registers > 12 << 10, "The registers of this processor are too large.");
        OnThread(() =>
        {
            var before = SignalStack.Current();
            SignalStack.Ensure();
            Assert.True(before!.Value.Start == SignalStack.Current()!.Value.Start);
        });
    }

    [Fact]
    public Task Where_the_registers_fill_the_stack_a_null_reference_is_caught_all_the_same()
    {
        SkipUnlessSupported();
        Assert.SkipUnless(SignalStack.Registers is > PageSize / 2 and < PageSize, "The registers of this processor do not fill a page.");
        return TestProcess.Run(typeof(SignalStackTests), nameof(A_thread_whose_stack_the_registers_fill_gets_a_larger_one), "SLA_TEST_SIGNALS", "1");
    }

    [Fact]
    public void A_thread_whose_stack_the_registers_fill_gets_a_larger_one()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        OnThread(() =>
        {
            // As AMX does to a stack of .NET: a guard, and hardly more than the registers.
            byte* pages = Pages.Map(2 * PageSize);
            Assert.True(Pages.Protect(pages, PageSize, Pages.Access.None));
            var small = new SignalStack.Description { Start = pages, Size = 2 * PageSize };
            Assert.Equal(0, SignalStack.Set(&small, null));

            SignalStack.Ensure();

            AssertNullReferenceIsCaught();
        });
    }

    [Fact]
    public Task After_a_training_in_bfloat16_on_a_processor_with_AMX_a_null_reference_is_caught()
    {
        SkipUnlessSupported();
        Assert.SkipUnless(File.ReadAllText("/proc/cpuinfo").Contains("amx_bf16", StringComparison.Ordinal), "Needs a processor with AMX.");
        return TestProcess.Run(typeof(SignalStackTests), nameof(A_null_reference_is_caught_after_a_training), "SLA_TEST_SIGNALS", "1");
    }

    [Fact]
    public void A_null_reference_is_caught_after_a_training()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        var context = new MLContext(seed: 1);
        var options = Training.Options();
        options.Precision = Precision.BFloat16;
        options.Epochs = 1;
        OnThread(() =>
        {
            context.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(context)).Dispose();
            using Tensor matrix = ones(256, 256, ScalarType.BFloat16);
            using Tensor product = matrix.matmul(matrix);
            AssertNullReferenceIsCaught();
        });
    }

    private static void SkipUnlessSupported() => Assert.SkipUnless(MachineCode.IsSupported, "Needs Linux on x64.");

    private static nuint Size() => SignalStack.Current()!.Value.Size;

    private static void AssertNullReferenceIsCaught()
    {
        string? none = Environment.GetEnvironmentVariable("SLA_TEST_NO_SUCH_VARIABLE");
        Assert.Throws<NullReferenceException>(() => none!.Length);
    }

    /// <summary>Does something on a new thread, and throws here what it throws.</summary>
    private static void OnThread(Action act)
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(act));
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }
}
