namespace Microsoft.ML.Sla.Tests;

/// <summary>Makes measurements of trials.</summary>
internal static class Intervals
{
    public static SlaTrialInterval New(int rung, long steps, double accuracy, double logLoss) =>
        new() { Rung = rung, Steps = steps, Seconds = 1, Elapsed = 1, Accuracy = accuracy, MacroAccuracy = accuracy, LogLoss = logLoss };
}
