using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Benchmarks;

/// <summary>What made a measurement: program, machine, command and date.</summary>
internal static class Provenance
{
    /// <summary>The name under which a line has its program.</summary>
    public const string Program = "program";

    /// <summary>What the program is called if it is this library.</summary>
    public const string ThisLibrary = "Microsoft.ML.Sla";

    private const string ProcessorFile = "/proc/cpuinfo";

    /// <summary>The instructions that decide how fast a network computes, as Linux names them.</summary>
    private static readonly string[] Instructions =
        ["avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16"];

    /// <summary>Adds it to the measurement.</summary>
    /// <param name="line">The measurement.</param>
    /// <param name="command">The command that was typed.</param>
    /// <param name="program">The program that was measured; null for this library.</param>
    public static void AddTo(JsonObject line, string command, string? program = null)
    {
        line[Program] = program ?? $"{ThisLibrary} {typeof(SlaTrainer).Assembly.GetName().Version!.ToString(3)}";
        line["machine"] = Machine;
        line["command"] = command;
        line["date"] = DateTimeOffset.UtcNow;
    }

    /// <summary>Processor, system and versions.</summary>
    private static JsonObject Machine => new()
    {
        ["processor"] = OfProcessor("model name") ?? RuntimeInformation.ProcessArchitecture.ToString(),
        ["cores"] = Environment.ProcessorCount,
        ["instructions"] = string.Join(' ', Instructions.Intersect(OfProcessor("flags")?.Split(' ') ?? [])),
        ["system"] = RuntimeInformation.OSDescription,
        ["dotnet"] = Environment.Version.ToString(),
        ["torchSharp"] = VersionOf(typeof(TorchSharp.torch)),
        ["mlNet"] = VersionOf(typeof(MLContext)),
    };

    /// <summary>A property of the first processor; null if the system does not tell.</summary>
    private static string? OfProcessor(string name) => !File.Exists(ProcessorFile)
        ? null
        : File.ReadLines(ProcessorFile).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':')[1].Trim();

    /// <summary>The package's version: an assembly's own may stay the same for years.</summary>
    private static string? VersionOf(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0];
}
