namespace Microsoft.ML.Sla.Training;

/// <summary>The learning rate of a step under a schedule.</summary>
internal static class LearningRate
{
    private const double WarmUpShare = 0.3;
    private const double WarmUpStart = 1.0 / 25;

    /// <summary>The rate of step <paramref name="step"/>, counted from 0, of <paramref name="steps"/>.</summary>
    public static double At(LearningRateSchedule schedule, double peak, long step, long steps)
    {
        double progress = (double)step / steps;
        return peak * schedule switch
        {
            LearningRateSchedule.Step => progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01,
            LearningRateSchedule.Cosine => CosineFrom1To0(progress),
            LearningRateSchedule.OneCycle => progress < WarmUpShare
                ? 1 - ((1 - WarmUpStart) * CosineFrom1To0(progress / WarmUpShare))
                : CosineFrom1To0((progress - WarmUpShare) / (1 - WarmUpShare)),
            _ => 1,
        };
    }

    private static double CosineFrom1To0(double progress) => (1 + Math.Cos(Math.PI * progress)) / 2;
}
