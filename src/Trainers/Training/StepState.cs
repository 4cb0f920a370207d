namespace Microsoft.ML.Sla.Training;

/// <summary>The settings that vary from step to step of a run.</summary>
/// <param name="LearningRate">The learning rate of the heads.</param>
/// <param name="BackboneFrozen">Whether only the heads learn.</param>
/// <param name="WeighsClasses">Whether the loss weights the images by class.</param>
internal readonly record struct StepState(double LearningRate, bool BackboneFrozen = false, bool WeighsClasses = true);
