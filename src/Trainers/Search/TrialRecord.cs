using System.Buffers;
using System.Reflection;

namespace Microsoft.ML.Sla.Search;

/// <summary>A line of trials.jsonl: an interval of a trial, a trial's failure, or the end of a winner's training that no rows are left to measure.</summary>
internal sealed record TrialRecord
{
    private static readonly IReadOnlyDictionary<string, string> Installed = new[] { typeof(SlaTrainer), typeof(MLContext), typeof(TorchSharp.torch), typeof(OnnxRuntime.InferenceSession) }
        .Select(type => type.Assembly)
        .ToDictionary(assembly => assembly.GetName().Name!, assembly => assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]);

    public required int Trial { get; init; }

    public required IReadOnlyDictionary<string, string> Configuration { get; init; }

    public required int Seed { get; init; }

    public required int Rung { get; init; }

    /// <summary>The interval; null if the trial failed in it or was not measured after it.</summary>
    public SlaTrialInterval? Interval { get; init; }

    /// <summary>Seconds from the start of the search to the end of an unmeasured training; otherwise null.</summary>
    public double? Ended { get; init; }

    /// <summary>A bit for each validation row, set if the row is predicted correctly, as hexadecimal digits.</summary>
    public string? Right { get; init; }

    public string? Failure { get; init; }

    public IReadOnlyDictionary<string, string> Versions { get; init; } = Installed;

    /// <summary>Encodes whether each row is right as hexadecimal digits.</summary>
    public static string Digits(bool[] isRight)
    {
        byte[] bits = new byte[(isRight.Length + 7) / 8];
        for (int row = 0; row < isRight.Length; row++)
        {
            if (isRight[row])
                bits[row / 8] |= (byte)(1 << (row % 8));
        }

        return Convert.ToHexStringLower(bits);
    }

    /// <summary>Decodes whether each row is right.</summary>
    public bool[] IsRight(int rows)
    {
        byte[] bits = new byte[(rows + 7) / 8];
        if (Right?.Length != 2 * bits.Length || Convert.FromHexString(Right, bits, out _, out _) != OperationStatus.Done)
            throw new InvalidDataException($"The record of trial {Trial} does not have the {rows} validation rows of the search. Give another Folder.");
        return [.. Enumerable.Range(0, rows).Select(row => (bits[row / 8] >> (row % 8) & 1) == 1)];
    }
}
