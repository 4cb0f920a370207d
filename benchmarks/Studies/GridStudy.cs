using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Studies;

/// <summary>A study whose runs are all combinations of values.</summary>
internal abstract record GridStudy<TRun> : Study<TRun>
    where TRun : class, IRun
{
    /// <summary>What all runs share.</summary>
    public JsonObject Common { get; init; } = [];

    /// <summary>Properties of runs. One that is a list stands for a run with each of its values.</summary>
    public required IReadOnlyList<JsonObject> Runs { get; init; }

    public override IEnumerable<IRun> ListRuns() => Runs.SelectMany(Combine).Select(RunOf);

    /// <summary>The run of properties.</summary>
    protected virtual TRun RunOf(JsonObject properties) => properties.Deserialize<TRun>(Studies.Lines.Json)!;

    private IEnumerable<JsonObject> Combine(JsonObject runs)
    {
        IEnumerable<JsonObject> combinations = [Common];
        foreach (var (name, value) in runs)
        {
            IReadOnlyList<JsonNode?> values = value is JsonArray list ? [.. list] : [value];
            combinations = [.. combinations.SelectMany(combination => values.Select(one => With(combination, name, one)))];
        }

        return combinations;
    }

    private static JsonObject With(JsonObject properties, string name, JsonNode? value)
    {
        var copy = properties.DeepClone().AsObject();
        copy[name] = value?.DeepClone();
        return copy;
    }
}
