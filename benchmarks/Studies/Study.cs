using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>A question, the runs that answer it, and how the answer is shown: a file in <c>studies</c>, which says its kind.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = Kind)]
[JsonDerivedType(typeof(ComparisonStudy), Default)]
[JsonDerivedType(typeof(ImbalancedStudy), "imbalanced")]
[JsonDerivedType(typeof(ExposureStudy), "exposure")]
[JsonDerivedType(typeof(AgreementStudy), "agreement")]
[JsonDerivedType(typeof(PhotoStudy), "photos")]
[JsonDerivedType(typeof(UnknownStudy), "unknown")]
[JsonDerivedType(typeof(FewShotStudy), "few-shot")]
[JsonDerivedType(typeof(SearchStudy), "search")]
internal abstract record Study
{
    private const string Folder = "studies";
    private const string Kind = "kind";
    private const string Default = "classification";

    private static readonly JsonSerializerOptions Json = new(Studies.Lines.Json) { AllowOutOfOrderMetadataProperties = true };

    /// <summary>What the table and the figure are called.</summary>
    public required string Title { get; init; }

    /// <summary>Name of the file of its lines, where that is another study's; null for its own.</summary>
    public string? Lines { get; init; }

    /// <summary>The study's file.</summary>
    [JsonIgnore]
    public string File { get; private set; } = "";

    /// <summary>Name of the study's file.</summary>
    [JsonIgnore]
    public string Name => Path.GetFileNameWithoutExtension(File);

    /// <summary>Name of the file of its lines.</summary>
    [JsonIgnore]
    public string LinesName => $"{Lines ?? Name}.jsonl";

    /// <summary>All runs; none of a study that looks at those of others.</summary>
    public virtual IEnumerable<IRun> ListRuns() => [];

    /// <summary>A run of a line, or of another process.</summary>
    public abstract IRun ParseRun(JsonNode run);

    /// <summary>What the lines of a file show; null where it has none of this study.</summary>
    public abstract Findings? Find(string file);

    /// <exception cref="FileNotFoundException">There is no such study.</exception>
    /// <exception cref="InvalidDataException">A row names what is not there.</exception>
    public static IReadOnlyList<Study> Read(IEnumerable<string> names)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, Folder);
        string[] there = [.. Directory.GetFiles(folder, "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];
        return [.. names.SelectMany(name => name == "all" ? there : [name]).Select(name => ReadOne(name, folder, there))];
    }

    /// <exception cref="InvalidDataException">It contradicts itself.</exception>
    /// <exception cref="FormatException">A word stands for nothing.</exception>
    protected virtual void Check()
    {
        foreach (var run in ListRuns())
            run.Check();
    }

    private static Study ReadOne(string name, string folder, string[] there)
    {
        string file = name.EndsWith(".json", StringComparison.Ordinal) ? name : Path.Combine(folder, $"{name}.json");
        if (!System.IO.File.Exists(file))
            throw new FileNotFoundException($"There is no study '{name}'. There are {string.Join(", ", there)}; or name a .json file.");

        var properties = JsonNode.Parse(System.IO.File.ReadAllText(file), documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true })!;
        properties[Kind] ??= Default;
        var study = properties.Deserialize<Study>(Json)!;
        study.File = file;
        study.Check();
        return study;
    }
}

/// <summary>A study of runs of one type.</summary>
internal abstract record Study<TRun> : Study
    where TRun : class, IRun
{
    public override IRun ParseRun(JsonNode run) => run.Deserialize<TRun>(Studies.Lines.Json)!;
}

/// <summary>What lines show.</summary>
/// <param name="Text">In Markdown.</param>
/// <param name="Draw">Draws the figure to a path without extension; null where there is none.</param>
internal sealed record Findings(string Text, Action<string>? Draw = null);
