namespace Microsoft.ML.Sla;

/// <summary>How the learning rate changes during training.</summary>
public enum LearningRateSchedule
{
    /// <summary>The given rate, a tenth of it after half of the steps, and a hundredth after three quarters. The paper's schedule.</summary>
    Step,

    /// <summary>Falls from the given rate to 0 along half a cosine.</summary>
    Cosine,

    /// <summary>
    /// Rises from a 25th of the given rate to the rate in the first 30% of the steps, and falls to 0 in the rest, both along half
    /// cosines. The best of these three schedules for few steps.
    /// </summary>
    OneCycle,

    /// <summary>The given rate throughout.</summary>
    Constant,
}
