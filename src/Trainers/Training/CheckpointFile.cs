using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Sla.Networks;

namespace Microsoft.ML.Sla.Training;

/// <summary>
/// The file that a training run can be taken up from: a safetensors file of the run's tensors, with the rest in its metadata.
/// It is replaced as a whole or not at all, whatever happens to the process.
/// </summary>
internal sealed class CheckpointFile(string folder)
{
    private const string FileName = "checkpoint.safetensors";
    private const string NetworkPrefix = "network/";
    private const string MomentumPrefix = "momentum/";
    private const string AveragePrefix = "average/";
    private const string BestPrefix = "best/";

    public string Path { get; } = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, FileName));

    public bool Exists => File.Exists(Path);

    public void Write(RunIdentity identity, TrainingState state, bool isFinished)
    {
        string unfinished = $"{Path}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            using (var stream = File.Create(unfinished))
            {
                SafetensorsFile.Write(stream, Tensors(state), new Dictionary<string, string>
                {
                    ["identity"] = JsonSerializer.Serialize(identity.Entries),
                    ["step"] = state.Step.ToString(CultureInfo.InvariantCulture),
                    ["epochLoss"] = JsonSerializer.Serialize(state.EpochLoss),
                    ["epochs"] = JsonSerializer.Serialize(state.Epochs),
                    ["finished"] = JsonSerializer.Serialize(isFinished),
                });
                stream.Flush(flushToDisk: true);
            }

            File.Move(unfinished, Path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(unfinished))
                File.Delete(unfinished);
            throw new IOException(
                $"The checkpoint '{Path}' cannot be written: {exception.Message} Give another folder as CheckpointFolder, or make room there.", exception);
        }
    }

    /// <summary>Reads what the file says of its run, and none of its tensors.</summary>
    /// <exception cref="InvalidDataException">The file is no checkpoint.</exception>
    public CheckpointHeader ReadHeader()
    {
        using var file = SafetensorsFile.Open(Path);
        return Header(file);
    }

    /// <exception cref="InvalidDataException">The file is no checkpoint.</exception>
    public TrainingState ReadState()
    {
        using var file = SafetensorsFile.Open(Path);
        var header = Header(file);
        return new TrainingState(
            header.Step,
            header.EpochLoss,
            header.Epochs,
            Weights(NetworkPrefix)!,
            Weights(MomentumPrefix) ?? [],
            Weights(AveragePrefix),
            Weights(BestPrefix));

        Weights? Weights(string prefix)
        {
            var weights = new Weights();
            foreach (string name in file.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
                weights[name[prefix.Length..]] = (file.Shape(name), file.Read(name));
            return weights.Any() ? weights : null;
        }
    }

    /// <summary>Deletes the checkpoint, and its folder where nothing else is in it.</summary>
    public void Delete()
    {
        File.Delete(Path);
        string parent = System.IO.Path.GetDirectoryName(Path)!;
        if (Directory.Exists(parent) && !Directory.EnumerateFileSystemEntries(parent).Any())
            Directory.Delete(parent);
    }

    private CheckpointHeader Header(SafetensorsFile file)
    {
        if (!file.Names.Any(name => name.StartsWith(NetworkPrefix, StringComparison.Ordinal)))
            throw NoCheckpoint();
        return new CheckpointHeader(
            new RunIdentity(Metadata<Dictionary<string, string>>("identity")),
            Metadata<long>("step"),
            Metadata<double>("epochLoss"),
            Metadata<List<EpochMetrics>>("epochs"),
            Metadata<bool>("finished"));

        T Metadata<T>(string key) => file.Metadata.TryGetValue(key, out string? json) ? JsonSerializer.Deserialize<T>(json)! : throw NoCheckpoint();

        InvalidDataException NoCheckpoint() => new($"'{Path}' is not a checkpoint of this library. Give another folder as CheckpointFolder.");
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
