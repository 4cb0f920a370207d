using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Sla.Benchmarks;

namespace Microsoft.ML.Sla.Speed;

/// <summary>A file of measurements, one JSON object a line, each with what made it.</summary>
/// <param name="file">The file. Lines are added to it.</param>
/// <param name="command">What was typed behind the name of this program, without paths.</param>
internal sealed class Results(string file, string command)
{
    private const string LoadFile = "/proc/loadavg";

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="line">The measurement.</param>
    /// <param name="program">The program that was measured; null for this library.</param>
    public void Append(JsonObject line, string? program = null)
    {
        // Beside other programs a measurement takes longer. The load tells whether there were any.
        if (File.Exists(LoadFile))
            line["load"] = double.Parse(File.ReadAllText(LoadFile).Split(' ')[0], CultureInfo.InvariantCulture);
        Provenance.AddTo(line, $"dotnet run -c Release --project benchmarks/Speed -- {command}", program);
        File.AppendAllText(file, line.ToJsonString(Json) + "\n");
    }
}
