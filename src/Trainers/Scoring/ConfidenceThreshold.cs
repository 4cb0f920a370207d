namespace Microsoft.ML.Sla;

/// <summary>
/// The lowest confidence at which a prediction is accepted, for a wanted error rate. Predictions below it are better answered with
/// "none of these".
/// </summary>
/// <remarks>It was chosen on rows that were kept from the training, and holds for images like these.</remarks>
public sealed record ConfidenceThreshold
{
    /// <summary>Accept a prediction whose confidence is this or more.</summary>
    public required float Confidence { get; init; }

    /// <summary>Share of the rows kept from the training that it accepts, 0 to 1.</summary>
    public required double Coverage { get; init; }

    /// <summary>Share of wrong predictions among those that it accepts of these rows, 0 to 1.</summary>
    public required double ErrorRate { get; init; }
}
