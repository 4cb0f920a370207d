namespace Microsoft.ML.Sla;

/// <summary>How the learning rate changes in the course of training.</summary>
public enum LearningRateSchedule
{
    /// <summary>The rate as given, a tenth of it after half of the steps and a hundredth after three quarters: the paper's schedule.</summary>
    Step,

    /// <summary>From the rate as given to 0 along half a cosine.</summary>
    Cosine,

    /// <summary>
    /// Up from a 25th of the rate to the rate as given in the first 30% of the steps, and down to 0 in the rest, along half
    /// cosines. The best of the three where there are few steps.
    /// </summary>
    OneCycle,

    /// <summary>The rate as given throughout.</summary>
    Constant,
}
