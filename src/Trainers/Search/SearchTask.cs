using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>What a search has to do.</summary>
/// <param name="Settings">What it looks for, in what, and for how long.</param>
/// <param name="Space">The configurations that it can try.</param>
/// <param name="Folds">Number of trainings in a trial.</param>
/// <param name="Identity">What makes two searches the same one.</param>
internal sealed record SearchTask(SearchSettings Settings, ConfigurationSpace Space, int Folds, RunIdentity Identity);
