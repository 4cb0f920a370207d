using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Benchmarks;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// Files of measurements, one JSON object a line: <c>run</c>, what it gave, and what made it (<c>program</c>, <c>machine</c>, <c>command</c>,
/// <c>date</c>). Lines of programs before this one have no more of the latter than they recorded.
/// </summary>
internal static class Lines
{
    public const string Run = "run";

    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        PropertyNameCaseInsensitive = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        IgnoreReadOnlyProperties = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The lines of a file; none where there is no file.</summary>
    /// <exception cref="InvalidDataException">A line cannot be read.</exception>
    public static IReadOnlyList<T> Read<T>(string file) => File.Exists(file)
        ? [.. File.ReadLines(file).Select((line, number) => Parse<T>(line) ?? throw new InvalidDataException($"'{file}', line {number + 1} is no run: delete it, and its run is trained again."))]
        : [];

    /// <summary>The runs of a file that this library has done.</summary>
    /// <exception cref="InvalidDataException">A line cannot be read.</exception>
    public static HashSet<IRun> Done(Study study, string file) =>
        [.. Read<JsonObject>(file).Where(line => IsOfThisLibrary((string?)line[Provenance.Program])).Select(line => study.ParseRun(line[Run]!))];

    /// <summary>Whether a line is of this library: another program names itself.</summary>
    public static bool IsOfThisLibrary(string? program) => program?.StartsWith(Provenance.ThisLibrary, StringComparison.Ordinal) ?? true;

    /// <summary>Adds a measurement to a file, with what made it.</summary>
    public static void Append(string file, JsonObject line, string command)
    {
        Provenance.AddTo(line, command);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        File.AppendAllText(file, line.ToJsonString(Json) + "\n");
    }

    private static T? Parse<T>(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, Json);
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
