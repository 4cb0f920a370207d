using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla;

namespace FewShotStudy;

/// <summary>One embedding on episodes of one size: a line of the results.</summary>
/// <param name="Study">The study.</param>
/// <param name="Transformations">The name of the set; the baseline, which has no views, is run for each set as well.</param>
/// <param name="Objective">What an episode of the training was made of.</param>
/// <param name="Seed">Seed of the training and of the episodes that are measured.</param>
/// <param name="TrainingEpisodes">Number of episodes trained on.</param>
/// <param name="Architecture">The backbone.</param>
/// <param name="Ways">Classes in a measured episode.</param>
/// <param name="Shots">Images of a class that its prototype is made of.</param>
/// <param name="Queries">Images of a class that are classified.</param>
/// <param name="Single">Correct queries of each episode, from the image as it is.</param>
/// <param name="Aggregated">The same from all views.</param>
/// <param name="Seconds">Time of the training, with the reading of the images.</param>
internal sealed record Measurement(
    string Study,
    string Transformations,
    FewShotObjective Objective,
    int Seed,
    int TrainingEpisodes,
    string Architecture,
    int Ways,
    int Shots,
    int Queries,
    int[] Single,
    int[] Aggregated,
    double Seconds)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, Converters = { new JsonStringEnumConverter() } };

    public static IReadOnlyList<Measurement> Read(string path) =>
        [.. File.ReadLines(path).Where(line => line.Length > 0).Select(line => JsonSerializer.Deserialize<Measurement>(line, Json)!)];

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>The accuracies of the episodes.</summary>
    public IEnumerable<double> Accuracies(SlaInference inference) =>
        (inference == SlaInference.Single ? Single : Aggregated).Select(correct => (double)correct / (Ways * Queries));
}
