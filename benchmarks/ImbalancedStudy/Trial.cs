using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.ImbalancedStudy;

/// <summary>A training and what its network scores: a line of the study's file.</summary>
/// <param name="Seed">Seed of the training images and of the training.</param>
/// <param name="Ratio">The largest class over the smallest.</param>
/// <param name="Epochs">Number of epochs.</param>
/// <param name="Loss">What is set against uneven classes.</param>
/// <param name="Objective">Baseline or SlaSelfDistillation.</param>
/// <param name="Recalls">Share of the test images of each class that are found, from the largest class to the smallest, by inference.</param>
/// <param name="TrainingLoss">The mean loss of the last epoch.</param>
/// <param name="Seconds">What the training took.</param>
internal sealed record Trial(
    int Seed, int Ratio, int Epochs, string Loss, string Objective, IReadOnlyDictionary<string, IReadOnlyList<double>> Recalls, double TrainingLoss, double Seconds)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>What no two lines share.</summary>
    [JsonIgnore]
    public (int Seed, int Ratio, int Epochs, string Loss, string Objective) Key => (Seed, Ratio, Epochs, Loss, Objective);

    public static IEnumerable<Trial> ReadAll(string file) => File.Exists(file)
        ? File.ReadLines(file).Select(line => JsonSerializer.Deserialize<Trial>(line, Json) ?? throw new InvalidDataException($"'{file}' has an empty line."))
        : [];

    public void AppendTo(string file) => File.AppendAllText(file, JsonSerializer.Serialize(this, Json) + "\n");
}
