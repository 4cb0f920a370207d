using System.Runtime.Versioning;

namespace Microsoft.ML.Sla.Native;

/// <summary>Makes the threads of GNU's OpenMP, which torch uses on Linux, sleep while they wait for each other.</summary>
/// <remarks>
/// By default they spin for milliseconds before they sleep. If another program also needs the processors, a spinning thread keeps the thread
/// that it waits for from running. This happens at each of some hundred operations of a step.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static class OpenMp
{
    private const string SpinCount = "GOMP_SPINCOUNT";
    private const string WaitPolicy = "OMP_WAIT_POLICY";

    /// <summary>The number of spins, some microseconds: so late is another thread of the same operation on an otherwise idle machine.</summary>
    private const string FewTurns = "2000";

    /// <summary>
    /// Sets the variable. Keep it while OpenMP is loaded, which reads it then. Null if the user has set how threads wait.
    /// </summary>
    public static NativeVariable? WaitAsleep() =>
        Environment.GetEnvironmentVariable(SpinCount) is null && Environment.GetEnvironmentVariable(WaitPolicy) is null
            ? new NativeVariable(SpinCount, FewTurns)
            : null;
}
