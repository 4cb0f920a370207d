using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>The task of a search.</summary>
/// <param name="Settings">The goal, the space and the limits of the search.</param>
/// <param name="Space">The configurations that the search can try.</param>
/// <param name="Folds">Number of trainings in a trial.</param>
/// <param name="Identity">Identifies the search.</param>
internal sealed record SearchTask(SearchSettings Settings, ConfigurationSpace Space, int Folds, RunIdentity Identity);
