using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;

namespace Microsoft.ML.Sla.Training;

/// <summary>
/// The file from which a training run can resume: a safetensors file of the run's tensors, with the rest of the state in its metadata.
/// A write replaces the whole file or nothing, even if the process dies. Checksums reveal damage.
/// </summary>
internal sealed class CheckpointFile(string folder)
{
    public const string FileName = "checkpoint.safetensors";

    /// <summary>The name of the last checkpoint of a run that diverged.</summary>
    public const string SetAsideName = $"{FileName}.diverged";

    private const string NetworkPrefix = "network/";
    private const string MomentumPrefix = "momentum/";
    private const string AveragePrefix = "average/";
    private const string BestPrefix = "best/";
    private const string TimeKey = "time";
    private const string ValuesChecksum = "valuesChecksum";
    private const string HeaderChecksum = "checksum";
    private const string Remedy = "Delete it to begin anew, or give another folder as CheckpointFolder.";

    /// <summary>A loss may be infinite, which JSON cannot write as a number.</summary>
    private static readonly JsonSerializerOptions Json = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public string Path { get; } = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, FileName));

    public bool Exists => File.Exists(Path);

    public void Write(RunIdentity identity, TrainingState state, bool isFinished)
    {
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            ReplacedFile.Write(Path, stream =>
            {
                var tensors = Tensors(state);
                SafetensorsFile.Write(stream, tensors, Metadata(identity, state, isFinished, tensors));
            });
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The checkpoint '{Path}' cannot be written: {exception.Message} Give another folder as CheckpointFolder, or free space there.", exception);
        }
    }

    /// <summary>Reads the header of the run, without its tensors.</summary>
    /// <exception cref="InvalidDataException">The file is not a checkpoint, or is damaged.</exception>
    public CheckpointHeader ReadHeader() => Parse(Header);

    /// <exception cref="InvalidDataException">The file is not a checkpoint, or is damaged.</exception>
    public TrainingState ReadState() => Parse(file =>
    {
        var header = Header(file);
        var tensors = file.Names.Select(name => (Name: name, Shape: file.Shape(name), Values: file.Read(name))).ToList();
        if (file.Metadata[ValuesChecksum] != ChecksumOf(tensors.Select(tensor => tensor.Values)))
            throw new InvalidDataException($"the checksum of its values is wrong. {Remedy}");
        return new TrainingState(
            header.Step,
            header.EpochLoss,
            header.Epochs,
            Weights(NetworkPrefix)!,
            Weights(MomentumPrefix) ?? [],
            Weights(AveragePrefix),
            Weights(BestPrefix))
        {
            Time = header.Time,
        };

        Weights? Weights(string prefix)
        {
            var weights = new Weights();
            foreach (var (name, shape, values) in tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)))
                weights[name[prefix.Length..]] = (shape, values);
            weights.CheckNumbers(prefix);
            return weights.Any() ? weights : null;
        }
    });

    /// <summary>Gives the checkpoint another name, so that no run goes on from it.</summary>
    /// <returns>Its path now.</returns>
    public string SetAside()
    {
        string aside = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, SetAsideName);
        File.Move(Path, aside, overwrite: true);
        return aside;
    }

    /// <summary>Deletes the checkpoint, and its folder if that is then empty.</summary>
    public void Delete()
    {
        File.Delete(Path);
        string parent = System.IO.Path.GetDirectoryName(Path)!;
        if (Directory.Exists(parent) && !Directory.EnumerateFileSystemEntries(parent).Any())
            Directory.Delete(parent);
    }

    private T Parse<T>(Func<SafetensorsFile, T> parse) => ParsedFile.Read(Path, "a checkpoint of this library", () =>
    {
        using var file = SafetensorsFile.Open(Path);
        return parse(file);
    });

    private CheckpointHeader Header(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(HeaderChecksum, out string? checksum) || !file.Names.Any(name => name.StartsWith(NetworkPrefix, StringComparison.Ordinal)))
            throw new InvalidDataException($"'{Path}' is not a checkpoint of this version of the library. {Remedy}");
        if (checksum != ChecksumOf(file.Metadata, file.Names.Select(name => (name, file.Shape(name)))))
            throw new InvalidDataException($"the checksum of its header is wrong. {Remedy}");
        var epochs = Metadata<List<EpochMetrics>>("epochs");
        if (epochs.Contains(null!))
            throw new InvalidDataException("an epoch of it is null.");
        var time = file.Metadata.ContainsKey(TimeKey) ? Metadata<TrainingTime>(TimeKey) : null;
        time?.Check();
        return new CheckpointHeader(
            new RunIdentity(Metadata<Dictionary<string, string>>("identity")),
            Metadata<long>("step"),
            Metadata<double>("epochLoss"),
            epochs,
            Metadata<bool>("finished"))
        {
            Time = time,
        };

        T Metadata<T>(string key) => JsonSerializer.Deserialize<T>(file.Metadata[key], Json) ?? throw new InvalidDataException($"its '{key}' is null.");
    }

    private static Dictionary<string, string> Metadata(
        RunIdentity identity, TrainingState state, bool isFinished, List<(string Name, long[] Shape, float[] Values)> tensors)
    {
        var metadata = new Dictionary<string, string>
        {
            ["identity"] = JsonSerializer.Serialize(identity.Entries),
            ["step"] = JsonSerializer.Serialize(state.Step),
            ["epochLoss"] = JsonSerializer.Serialize(state.EpochLoss, Json),
            ["epochs"] = JsonSerializer.Serialize(state.Epochs, Json),
            ["finished"] = JsonSerializer.Serialize(isFinished),
            [ValuesChecksum] = ChecksumOf(tensors.Select(tensor => tensor.Values)),
        };
        if (state.Time is { } time)
            metadata[TimeKey] = JsonSerializer.Serialize(time);
        metadata[HeaderChecksum] = ChecksumOf(metadata, tensors.Select(tensor => (tensor.Name, tensor.Shape)));
        return metadata;
    }

    /// <summary>The checksum of all entries of a header except the checksum itself.</summary>
    private static string ChecksumOf(IReadOnlyDictionary<string, string> metadata, IEnumerable<(string Name, long[] Shape)> tensors)
    {
        var hash = new XxHash128();
        foreach (var (key, value) in metadata.Where(entry => entry.Key != HeaderChecksum).OrderBy(entry => entry.Key, StringComparer.Ordinal))
            Add($"{key}\n{value.Length}\n{value}\n");
        foreach (var (name, shape) in tensors)
            Add($"{name}\n{string.Join(' ', shape)}\n");
        return Convert.ToHexStringLower(hash.GetCurrentHash());

        void Add(FormattableString text) => hash.Append(Encoding.UTF8.GetBytes(FormattableString.Invariant(text)));
    }

    private static string ChecksumOf(IEnumerable<float[]> tensors)
    {
        var hash = new XxHash128();
        foreach (float[] values in tensors)
            hash.Append(MemoryMarshal.AsBytes<float>(values));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static List<(string Name, long[] Shape, float[] Values)> Tensors(TrainingState state)
    {
        return [
            .. Prefixed(NetworkPrefix, state.Network),
            .. Prefixed(MomentumPrefix, state.Momenta),
            .. Prefixed(AveragePrefix, state.Average),
            .. Prefixed(BestPrefix, state.Best),
        ];

        static IEnumerable<(string, long[], float[])> Prefixed(string prefix, Weights? weights) =>
            weights?.Select(tensor => (prefix + tensor.Name, tensor.Shape, tensor.Values)) ?? [];
    }
}
