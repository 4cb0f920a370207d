using System.Runtime.Versioning;

namespace Microsoft.ML.Sla.Native;

/// <summary>Has the threads of GNU's OpenMP, which torch computes with on Linux, sleep while they wait for each other.</summary>
/// <remarks>
/// By default they turn in a loop for milliseconds before they sleep. Where another program wants the processors, a thread that turns keeps
/// the one it waits for from running, at each of some hundred operations of a step.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static class OpenMp
{
    private const string SpinCount = "GOMP_SPINCOUNT";
    private const string WaitPolicy = "OMP_WAIT_POLICY";

    /// <summary>Turns of the loop: some microseconds, as another thread of the same operation is late on a quiet machine.</summary>
    private const string FewTurns = "2000";

    /// <summary>
    /// The setting, for as long as OpenMP is loaded, which reads it then; null where the user has set how threads wait.
    /// </summary>
    public static NativeVariable? WaitAsleep() =>
        Environment.GetEnvironmentVariable(SpinCount) is null && Environment.GetEnvironmentVariable(WaitPolicy) is null
            ? new NativeVariable(SpinCount, FewTurns)
            : null;
}
