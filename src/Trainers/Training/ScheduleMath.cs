namespace Microsoft.ML.Sla.Training;

/// <summary>The learning rate under a schedule.</summary>
internal static class ScheduleMath
{
    private const double WarmUpShare = 0.3;
    private const double WarmUpStart = 1.0 / 25;

    /// <summary>The rate at a <paramref name="progress"/> of the schedule, 0 to 1.</summary>
    public static double RateAt(LearningRateSchedule schedule, double peak, double progress) => peak * schedule switch
    {
        LearningRateSchedule.Step => progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01,
        LearningRateSchedule.Cosine => CosineFrom1To0(progress),
        LearningRateSchedule.OneCycle => progress < WarmUpShare
            ? 1 - ((1 - WarmUpStart) * CosineFrom1To0(progress / WarmUpShare))
            : CosineFrom1To0((progress - WarmUpShare) / (1 - WarmUpShare)),
        _ => 1,
    };

    private static double CosineFrom1To0(double progress) => (1 + Math.Cos(Math.PI * progress)) / 2;
}
