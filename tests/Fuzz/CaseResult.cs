using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>How a case ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Outcome>))]
internal enum Outcome
{
    /// <summary>The file was read.</summary>
    Accepted,

    /// <summary>A documented exception names the file.</summary>
    Named,

    /// <summary>A documented exception does not say which file.</summary>
    Unnamed,

    /// <summary>An exception of a type that is not documented.</summary>
    Undocumented,

    /// <summary>The file was read, and means something else than the valid one.</summary>
    Wrong,

    /// <summary>The process ended.</summary>
    Crash,

    /// <summary>It took too long.</summary>
    Hang,

    /// <summary>It took too much memory.</summary>
    Memory,
}

/// <summary>A case that has ended.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="What">The type of an exception and where in the library it came from, or what happened.</param>
/// <param name="Text">More of it, of the first case of a kind.</param>
internal sealed record CaseResult(long Number, Outcome Outcome, string What, string? Text)
{
    /// <summary>Whether the run has failed by it.</summary>
    [JsonIgnore]
    public bool IsFailure => Outcome >= Outcome.Unnamed;
}
