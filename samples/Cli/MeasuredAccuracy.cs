using System.Globalization;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>What a training measured of its model.</summary>
internal static class MeasuredAccuracy
{
    /// <summary>The accuracy in words, and on which images; null where the training measured none.</summary>
    public static string? Of(TrainingHistory history) => history.KeptEpoch is not { ValidationAccuracy: { } accuracy } kept
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"accuracy {accuracy:P1} ")
            + (history.ValidationImages == 0 ? "over three folds of the images" : $"on {Plural.Of(history.ValidationImages, "validation image")} (epoch {kept.Epoch})");
}
