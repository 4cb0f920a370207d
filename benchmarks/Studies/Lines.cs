using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// Files of measurements, one JSON object a line: <c>run</c>, what it gave, and what made it (<c>program</c>, <c>machine</c>, <c>command</c>,
/// <c>date</c>). Lines of programs before this one have no more of the latter than they recorded.
/// </summary>
internal static class Lines
{
    public const string Run = "run";

    private const string Program = "program";
    private const string ThisLibrary = "Microsoft.ML.Sla";

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
        [.. Read<JsonObject>(file).Where(line => IsOfThisLibrary((string?)line[Program])).Select(line => study.ParseRun(line[Run]!))];

    /// <summary>Whether a line is of this library: another program names itself.</summary>
    public static bool IsOfThisLibrary(string? program) => program?.StartsWith(ThisLibrary, StringComparison.Ordinal) ?? true;

    /// <summary>Adds a measurement to a file, with what made it.</summary>
    public static void Append(string file, JsonObject line, string command)
    {
        line[Program] = $"{ThisLibrary} {typeof(SlaTrainer).Assembly.GetName().Version!.ToString(3)}";
        line["machine"] = Machine;
        line["command"] = command;
        line["date"] = DateTimeOffset.UtcNow;
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        File.AppendAllText(file, line.ToJsonString(Json) + "\n");
    }

    /// <summary>Processor, system and versions.</summary>
    private static JsonObject Machine => new()
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
