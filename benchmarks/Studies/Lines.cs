using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Studies;

/// <summary>A run and what it gave: a line of the file of all runs.</summary>
/// <param name="Run">What was run.</param>
/// <param name="Program">What trained: this library or PyTorch, with the version.</param>
/// <param name="Seconds">What the training took, of all members.</param>
/// <param name="ProcessorSeconds">Processor time of the training: what is spent where other programs run beside it.</param>
/// <param name="TrainingLoss">Mean loss of the last epoch of the first member.</param>
/// <param name="Inferences">What the network scores on the test images, by inference.</param>
/// <param name="Machine">Processor, system and versions.</param>
/// <param name="Command">The command that trained it.</param>
/// <param name="Date">When.</param>
internal sealed record Line(
    Run Run,
    string Program,
    double Seconds,
    double ProcessorSeconds,
    double TrainingLoss,
    IReadOnlyDictionary<string, Scores> Inferences,
    JsonObject? Machine = null,
    string? Command = null,
    DateTimeOffset? Date = null)
{
    public bool IsOfThisLibrary => Program.StartsWith(Training.Program, StringComparison.Ordinal);
}

/// <summary>How good predictions are.</summary>
/// <param name="Accuracy">Share of the test images whose class is predicted.</param>
/// <param name="LogLoss">Mean cross-entropy in nats.</param>
/// <param name="ScoringMilliseconds">Processor time of an image, decoding included; null where it was not measured.</param>
internal sealed record Scores(double Accuracy, double LogLoss, double? ScoringMilliseconds = null);

/// <summary>The file of all runs.</summary>
internal static class Lines
{
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        PropertyNameCaseInsensitive = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        IgnoreReadOnlyProperties = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <exception cref="InvalidDataException">A line cannot be read.</exception>
    public static IReadOnlyList<Line> Read(string file) => File.Exists(file)
        ? [.. File.ReadLines(file).Select((line, number) => Parse(line) ?? throw new InvalidDataException($"'{file}', line {number + 1} is no run: delete it, and its run is trained again."))]
        : [];

    public static void Append(string file, Line line)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        File.AppendAllText(file, JsonSerializer.Serialize(line, Json) + "\n");
    }

    /// <summary>Processor, system and versions.</summary>
    public static JsonObject Machine => new()
    {
        ["processor"] = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            : RuntimeInformation.ProcessArchitecture.ToString(),
        ["system"] = RuntimeInformation.OSDescription,
        ["dotnet"] = Environment.Version.ToString(),
        ["torchSharp"] = VersionOf(typeof(TorchSharp.torch)),
        ["mlNet"] = VersionOf(typeof(MLContext)),
    };

    /// <summary>The package's version: an assembly's own may stay the same for years.</summary>
    private static string? VersionOf(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0];

    private static Line? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<Line>(line, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
