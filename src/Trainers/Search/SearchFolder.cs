using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Files;

namespace Microsoft.ML.Sla.Search;

/// <summary>
/// The folder of a search: its plan, a record with a line for each interval of a trial, and the trials' checkpoints. Only one search at a time may use
/// it. Checksums in the plan and the lines reveal damage.
/// </summary>
internal sealed class SearchFolder : IDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
    };

    private readonly string _path;
    private readonly bool _isTemporary;
    private readonly FolderLock _lock;
    private readonly FileStream _lines;
    private readonly List<TrialRecord> _records = [];

    /// <param name="folder">The folder; null for a temporary one, which <see cref="Dispose"/> deletes.</param>
    /// <exception cref="IOException">The folder cannot be written, or another search is using it.</exception>
    /// <exception cref="InvalidDataException">The folder has damaged files, or files of something else than a search.</exception>
    public SearchFolder(string? folder)
    {
        _isTemporary = folder is null;
        _path = Path.GetFullPath(folder ?? TemporaryFolder.Create());
        FolderLock? taken = null;
        try
        {
            Directory.CreateDirectory(_path);
            taken = FolderLock.TryTake(Path.Combine(_path, "search.lock")) ?? throw new IOException("another search uses it.");
            string lines = Path.Combine(_path, "trials.jsonl");
            FolderLock.RefuseLink(lines);
            _lines = new FileStream(lines, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            _lock = taken;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            taken?.Dispose();
            throw new IOException($"The folder of the search, '{_path}', cannot be used: {exception.Message} Give another Folder, or end the search that is using it.", exception);
        }

        try
        {
            ReplacedFile.DeleteUnfinished(PlanPath);
            ReadRecords();
            Plan = File.Exists(PlanPath) ? ReadPlan() : null;
        }
        catch
        {
            _lines.Dispose();
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>The plan of the search; null if the folder is new.</summary>
    public SearchPlan? Plan { get; private set; }

    /// <summary>The lines of the record so far.</summary>
    public IReadOnlyList<TrialRecord> Records => _records;

    private string PlanPath => Path.Combine(_path, "search.json");

    /// <summary>The folder of the embeddings that trials with a frozen backbone share.</summary>
    public string EmbeddingsFolder => Path.Combine(_path, "embeddings");

    public string CheckpointFolder(int trial, string training) => Path.Combine(TrialFolder(trial), training);

    /// <summary>Replaces the whole plan.</summary>
    public void Save(SearchPlan plan)
    {
        ReplacedFile.Write(PlanPath, stream => stream.Write(Encoding.UTF8.GetBytes(SealedJson.Seal(JsonSerializer.Serialize(plan, Json)))));
        Plan = plan;
    }

    /// <summary>Adds a line to the record.</summary>
    public void Append(TrialRecord record)
    {
        _lines.Write(Encoding.UTF8.GetBytes(SealedJson.Seal(JsonSerializer.Serialize(record, Json)) + "\n"));
        _lines.Flush(flushToDisk: true);
        _records.Add(record);
    }

    /// <summary>Deletes a trial's checkpoints if that is possible. What is left only takes disk space.</summary>
    public void DeleteCheckpoints(int trial) => DeleteIfPossible(TrialFolder(trial));

    public void Dispose()
    {
        _lines.Dispose();
        _lock.Dispose();
        if (_isTemporary)
            DeleteIfPossible(_path);
    }

    private static void DeleteIfPossible(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A search that has found its model does not fail because of what it no longer needs.
        }
    }

    private string TrialFolder(int trial) => Path.Combine(_path, $"trial-{trial:000}");

    private SearchPlan ReadPlan()
    {
        var plan = Parse<SearchPlan>(PlanPath, File.ReadAllText(PlanPath), "the plan of a search");
        return plan is { Identity: not null, Baseline: not null, Ladder.Fractions: not null, Frozen: not null, Trials: not null, Latencies: not null } && plan.Trials.All(trial => trial is { Configuration: not null }) && plan.Frozen.All(values => values is not null)
            ? plan
            : throw new InvalidDataException($"'{PlanPath}' is not a complete plan of a search. Give another Folder.");
    }

    /// <exception cref="InvalidDataException">The text is damaged.</exception>
    private static T Parse<T>(string path, string text, string kind) => ParsedFile.Read(path, kind, () => SealedJson.IsIntact(text)
        ? JsonSerializer.Deserialize<T>(text, Json) ?? throw new InvalidDataException("it is null.")
        : throw new InvalidDataException($"'{path}' is not {kind} of this version of the library, or it is damaged: the checksum of '{Start(text)}' is wrong. Give another Folder."));

    private static string Start(string text) => text.Length <= 80 ? text : text[..80] + "...";

    /// <summary>Reads the lines. Removes an incomplete last line, which a killed process leaves.</summary>
    private void ReadRecords()
    {
        using var reader = new StreamReader(_lines, Encoding.UTF8, leaveOpen: true);
        string text = reader.ReadToEnd();
        int complete = text.LastIndexOf('\n') + 1;
        foreach (string line in text[..complete].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            _records.Add(Parse<TrialRecord>(_lines.Name, line, "the record of a search"));
        }

        _lines.SetLength(Encoding.UTF8.GetByteCount(text[..complete]));
        _lines.Seek(0, SeekOrigin.End);
    }
}
