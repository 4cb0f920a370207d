using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Reads all of a checkpoint.</summary>
internal sealed class CheckpointReader : IFileReader
{
    private static readonly JsonSerializerOptions WithAnyNumber = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public string Read(string path)
    {
        var checkpoint = new CheckpointFile(Path.GetDirectoryName(path)!);
        var header = checkpoint.ReadHeader();
        var state = checkpoint.ReadState();
        return JsonSerializer.Serialize(new
        {
            header.Identity?.Entries,
            header.Step,
            header.EpochLoss,
            header.Epochs,
            header.IsFinished,
            State = (state.Step, state.EpochLoss, state.Epochs).ToString(),
            Network = Text(state.Network),
            Momenta = Text(state.Momenta),
            Average = Text(state.Average),
            Best = Text(state.Best),
        }, WithAnyNumber);
    }

    public void Dispose()
    {
    }

    private static string Text(Weights? weights) => weights is null
        ? "none"
        : string.Join("; ", weights.Select(tensor => $"{tensor.Name} [{string.Join(", ", tensor.Shape)}] {Answers.Of(tensor.Values)}"));
}
