using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.SearchStudy;

/// <summary>A run, and what its model gets right of images that nothing was chosen by.</summary>
/// <param name="Data">The data set.</param>
/// <param name="Seed">The seed of the images, the validation rows and the training.</param>
/// <param name="Seconds">The time that it had.</param>
/// <param name="Threads">Threads of the processor.</param>
/// <param name="What">search, defaults, either held-out or not, or the set of transformations of a search's first trial.</param>
/// <param name="Augmentation">The base augmentation under which a set was trained; null for the defaults'.</param>
/// <param name="Configuration">What the search chose, or was given; null for the defaults.</param>
/// <param name="Transformations">The model's transformations.</param>
/// <param name="ValidationAccuracy">Share of the validation images whose class is predicted.</param>
/// <param name="TestAccuracy">Share of the test images.</param>
/// <param name="TestLogLoss">Their mean cross-entropy, in nats.</param>
/// <param name="TestImages">Their number.</param>
/// <param name="Took">Seconds that it took.</param>
internal sealed record Measurement(
    string Data, int Seed, uint Seconds, int Threads, string What, string? Augmentation, string? Configuration, string Transformations,
    double? ValidationAccuracy, double TestAccuracy, double TestLogLoss, int TestImages, double Took)
{
    private const string HeldOut = ":held-out";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>What no two lines share.</summary>
    [JsonIgnore]
    public (string Data, int Seed, uint Seconds, int Threads, string What, string? Augmentation) Key => (Data, Seed, Seconds, Threads, What, Augmentation);

    /// <summary>Whether a fifth of the images was kept from the model.</summary>
    [JsonIgnore]
    public bool IsHeldOut => What.EndsWith(HeldOut, StringComparison.Ordinal);

    /// <summary>Whether it is a search, or the defaults.</summary>
    public bool Is(string run) => What == NameOf(run, IsHeldOut);

    /// <summary>What a search, or the defaults, are called.</summary>
    public static string NameOf(string run, bool isHeldOut) => run + (isHeldOut ? HeldOut : "");

    public static IEnumerable<Measurement> ReadAll(string file) => File.Exists(file)
        ? File.ReadLines(file).Select(line => JsonSerializer.Deserialize<Measurement>(line, Json) ?? throw new InvalidDataException($"'{file}' has an empty line."))
        : [];

    public void AppendTo(string file) => File.AppendAllText(file, JsonSerializer.Serialize(this, Json) + "\n");
}
