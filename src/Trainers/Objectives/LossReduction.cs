namespace Microsoft.ML.Sla;

/// <summary>How the losses of an image's M views become one (Lee, Hwang and Shin, ICML 2020).</summary>
public enum LossReduction
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum, M times the mean: reported to help with many classes (ImageNet, iNaturalist).</summary>
    Sum,
}
