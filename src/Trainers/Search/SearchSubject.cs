using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Search;

/// <summary>What decides which choices a search considers, before it reads the rows.</summary>
/// <param name="Options">The options of the experiment.</param>
/// <param name="IsNetworkSearched">Whether the search space chooses the network.</param>
/// <param name="Images">What the images are like. They are looked at when a choice asks.</param>
internal sealed record SearchSubject(SlaTrainer.Options Options, bool IsNetworkSearched, Lazy<ImageSurvey> Images);
