using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests.Native;

[SupportedOSPlatform("linux")]
public sealed unsafe class OneDnnTests
{
    private const int Amd = 0x444D4163;
    private const int Intel = 0x6C65746E;

    private static OneDnn.Caches OfOneByte
    {
        get
        {
            var caches = new OneDnn.Caches { Levels = 3 };
            for (int level = 0; level < 3; level++)
                caches.Size[level] = caches.CoresThatShare[level] = 1;
            return caches;
        }
    }

    [Theory]
    [InlineData(Amd, 0, 0, true)]
    [InlineData(Amd, 0x2C0003F, 0x3F, false)] // 48 KB in 12 ways and 64 sets of 64 bytes.
    [InlineData(Intel, 0, 0, false)]
    public void Caches_are_hidden_where_a_processor_of_AMD_tells_of_none(int vendor, int ways, int sets, bool expected) =>
        Assert.Equal(expected, Processor.HidesCaches(vendor, (0, ways, sets, 0)));

    [Fact]
    public void Only_caches_of_one_byte_are_forgotten()
    {
        var caches = OfOneByte;
        Assert.True(OneDnn.Forget(&caches));
        Assert.Equal(0u, caches.Levels);
        Assert.False(OneDnn.Forget(&caches));
        Assert.False(OneDnn.Forget(null));

        var real = OfOneByte;
        real.Size[0] = 48 << 10;
        Assert.False(OneDnn.Forget(&real));
        Assert.Equal(3u, real.Levels);
    }

    [Fact]
    public void What_oneDNN_knows_of_the_caches_is_where_it_is_looked_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        TorchLibrary.EnsureLoaded();
        OneDnn.Caches* caches = OneDnn.FindCaches();
        Assert.True(caches is not null);
        if (Processor.HidesItsCaches)
        {
            Assert.Equal(0u, caches->Levels);
            return;
        }

        string size = File.ReadAllText("/sys/devices/system/cpu/cpu0/cache/index0/size").Trim();
        Assert.Equal(size, $"{caches->Size[0] >> 10}K");
        Assert.InRange(caches->Levels, 2u, 4u);
    }

    [Fact]
    public Task Convolutions_are_right_where_the_processor_hides_its_caches() =>
        TestProcess.Run(typeof(OneDnnTests), nameof(Convolutions_are_right_after_caches_of_one_byte_are_forgotten), "SLA_TEST_ONEDNN", "1");

    [Fact]
    public void Convolutions_are_right_after_caches_of_one_byte_are_forgotten()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        TorchLibrary.EnsureLoaded();
        OneDnn.Caches* caches = OneDnn.FindCaches();
        *caches = OfOneByte;
        Assert.True(OneDnn.Forget(caches));

        // Those that divide by zero, and those that are wrong, with caches of one byte.
        foreach (var (inputs, outputs, kernel) in new[] { (256, 1024, 1), (512, 1024, 1), (512, 2048, 1), (1024, 512, 1), (1024, 2048, 1), (128, 512, 1), (20, 40, 1), (20, 40, 3), (12, 40, 3) })
        {
            AssertRight(inputs, outputs, kernel, channelsLast: true);
            AssertRight(inputs, outputs, kernel, channelsLast: false);
        }
    }

    [Fact]
    public Task Where_the_caches_are_not_found_oneDNN_is_held_to_old_kernels() =>
        TestProcess.Run(typeof(OneDnnTests), nameof(OneDNN_is_limited_from_then_on), "SLA_TEST_ONEDNN", "1");

    [Fact]
    public void OneDNN_is_limited_from_then_on()
    {
        const string ExportedFunction = "_ZN2at13globalContextEv";
        const int Sse41 = 1;
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        Assert.SkipUnless(MachineCode.IsSupported, "Needs Linux on x64.");
        TorchLibrary.EnsureLoaded();

        OneDnn.Limit();

        Assert.True(OneDnn.IsLimited);
        Assert.Null(NativeVariable.Read("ONEDNN_MAX_CPU_ISA"));
        string path = Path.Combine(Path.GetDirectoryName(TorchSharpBinary.File)!, "libtorch_cpu.so");
        nint exported = NativeLibrary.GetExport(NativeLibrary.Load(path), ExportedFunction);
        long distance = (long)(ElfSymbols.Find(path, "dnnl_get_effective_cpu_isa")! - ElfSymbols.Find(path, ExportedFunction)!);
        Assert.Equal(Sse41, ((delegate* unmanaged<int>)(exported + (nint)distance))());
        AssertRight(20, 40, 3, channelsLast: false);
    }

    [Fact]
    public void A_symbol_that_a_library_does_not_have_is_not_found()
    {
        string path = typeof(object).Assembly.Location;
        Assert.Throws<InvalidDataException>(() => ElfSymbols.Find(path, "main"));
        string runtime = Path.Combine(Path.GetDirectoryName(path)!, "libcoreclr.so");
        Assert.SkipUnless(File.Exists(runtime), "Needs Linux.");
        Assert.Null(ElfSymbols.Find(runtime, "no_such_symbol"));
    }

    private static void AssertRight(int inputs, int outputs, int kernel, bool channelsLast)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        Tensor images = randn(4, inputs, 5, 5);
        if (channelsLast)
            images = Layout.ChannelsLast(images);
        Tensor weight = randn(outputs, inputs, kernel, kernel);
        long[] padding = [kernel / 2, kernel / 2];
        Tensor exact = nn.functional.conv2d(images.to(float64), weight.to(float64), padding: padding);
        Tensor actual = nn.functional.conv2d(images, weight, padding: padding);
        Assert.True(exact.allclose(actual.to(float64), rtol: 1e-3, atol: 1e-3), $"{inputs} to {outputs} channels, {kernel} x {kernel}, channels last: {channelsLast}");
    }
}
