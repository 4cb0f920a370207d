namespace Microsoft.ML.Sla.Data;

/// <summary>The labelled images of a training, read once.</summary>
/// <param name="Labels">The label column.</param>
/// <param name="Features">The feature column.</param>
/// <param name="Training">The training rows.</param>
/// <param name="Validation">The validation rows; null for none.</param>
/// <param name="Unreadable">Number of rows left out because their image cannot be read.</param>
internal sealed record TrainingRows(ClassLabels Labels, FeatureColumn Features, RowSelection Training, RowSelection? Validation, int Unreadable);
