using System.Diagnostics;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests.Native;

public sealed class OpenMpTests
{
    private const int Operations = 300;

    [Fact]
    public Task Threads_that_wait_for_work_leave_the_processors_to_others() =>
        TestProcess.Run(typeof(OpenMpTests), nameof(Waiting_takes_no_processor_time), "SLA_TEST_OPENMP", "1");

    [Fact]
    public void Waiting_takes_no_processor_time()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.ProcessorCount > 1, "Needs Linux and two processors.");
        TorchLibrary.EnsureLoaded();
        set_num_threads(Environment.ProcessorCount);
        using Tensor x = ones(100_000);
        x.neg_();

        var before = Process.GetCurrentProcess().TotalProcessorTime;
        for (int i = 0; i < Operations; i++)
        {
            x.neg_();
            Thread.Sleep(5);
        }

        // 0.1 s where they sleep; 1.6 s with torch's own setting, where a thread turns for 5 ms after each operation.
        Assert.InRange((Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds, 0, 0.6);
    }
}
