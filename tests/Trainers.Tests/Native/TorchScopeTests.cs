using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests.Native;

public sealed partial class TorchScopeTests
{
    private readonly MLContext _context = new(seed: 1);

    [Theory]
    [InlineData(Precision.Float32, false)]
    [InlineData(Precision.BFloat16, false)]
    [InlineData(Precision.Float32, true)]
    public void After_a_training_the_thread_computes_as_before(Precision precision, bool fails)
    {
        TorchLibrary.EnsureLoaded();
        int threads = get_num_threads();
        try
        {
            set_num_threads(3);
            uint control = FloatingPointControl();
            Train(precision, fails);

            Assert.Equal(3, get_num_threads());
            Assert.Equal(control, FloatingPointControl());
            Assert.Equal(float.Epsilon, BitConverter.Int32BitsToSingle(2) / int.Parse("2", null));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void Scopes_that_overlap_leave_the_number_of_threads_from_before_the_first()
    {
        TorchLibrary.EnsureLoaded();
        int before = get_num_threads();
        var first = TorchScope.Enter(before + 1, keepMemory: true);
        var second = TorchScope.Enter(before + 2, keepMemory: true);
        Assert.Equal(before + 2, get_num_threads());
        first.Dispose();
        second.Dispose();

        Assert.Equal(before, get_num_threads());
    }

    [Fact]
    public Task Torch_leaves_no_variable_behind() => TestProcess.Run(typeof(TorchScopeTests), nameof(The_environment_is_as_before_a_training), "SLA_TEST_SCOPE", "1");

    [Fact]
    public Task Torch_leaves_a_variable_as_it_was() => TestProcess.Run(typeof(TorchScopeTests), nameof(The_environment_is_as_before_a_training), "ONEDNN_MAX_CPU_ISA", "AVX2");

    [Fact]
    public void The_environment_is_as_before_a_training()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        string[] before = NativeEnvironment();

        Train(Precision.Float32, fails: false);
        OneDnn.Limit();

        Assert.Equal(before, NativeEnvironment());
        Assert.DoesNotContain(before, variable => variable.StartsWith("GOMP_SPINCOUNT=", StringComparison.Ordinal));
    }

    private void Train(Precision precision, bool fails)
    {
        var options = Training.Options();
        options.Precision = precision;
        options.Threads = 2;
        options.Epochs = 1;
        if (fails)
            options.Augmentations = [new Broken()];
        var trainer = _context.MulticlassClassification.Trainers.Sla(options);
        var images = Training.Images(_context);
        if (fails)
            Assert.Equal("broken", Assert.Throws<InvalidOperationException>(() => trainer.Fit(images)).Message);
        else
            trainer.Fit(images).Dispose();
    }

    /// <summary>The bits of MXCSR that say how it computes: rounding, numbers near 0, and what traps.</summary>
    private static unsafe uint FloatingPointControl()
    {
        const int MxcsrOffset = 28, Control = 0xFFC0;
        if (!MachineCode.IsSupported)
            return 0;

        byte* environment = stackalloc byte[32];
        Assert.Equal(0, GetFloatingPointEnvironment(environment));
        return *(uint*)(environment + MxcsrOffset) & Control;
    }

    /// <summary>The variables that native libraries see.</summary>
    private static unsafe string[] NativeEnvironment()
    {
        var variables = new List<string>();
        for (byte** variable = *(byte***)NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "environ"); *variable is not null; variable++)
            variables.Add(Marshal.PtrToStringUTF8((nint)(*variable))!);
        return [.. variables.Order(StringComparer.Ordinal)];
    }

    [LibraryImport("libm.so.6", EntryPoint = "fegetenv")]
    private static unsafe partial int GetFloatingPointEnvironment(byte* environment);

    private sealed class Broken : ImageAugmentation
    {
        public override string ToString() => "Broken";

        internal override void Apply(AugmentedBatch batch, Random random) => throw new InvalidOperationException("broken");
    }
}
