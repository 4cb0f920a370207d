namespace Microsoft.ML.Sla;

/// <summary>How the losses of an image's M views are combined (Lee, Hwang and Shin, ICML 2020).</summary>
public enum LossReduction
{
    /// <summary>The mean of the losses.</summary>
    Mean,

    /// <summary>The sum of the losses, M times the mean. The paper reports that it helps with many classes (ImageNet, iNaturalist).</summary>
    Sum,
}
