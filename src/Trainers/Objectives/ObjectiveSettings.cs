namespace Microsoft.ML.Sla.Objectives;

/// <summary>The weights of an objective's terms.</summary>
/// <param name="Temperature">T of the distillation term.</param>
/// <param name="Beta">Weight of the class head's cross-entropy.</param>
internal sealed record ObjectiveSettings(double Temperature = 1, double Beta = 1);
