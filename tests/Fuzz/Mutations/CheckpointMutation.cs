using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Fuzz.Mutations;

/// <summary>
/// Changes what a checkpoint says and has the library write it, with whatever checks that the format has, so that the change reaches those
/// who use it; or changes the file.
/// </summary>
internal static class CheckpointMutation
{
    public static byte[] Mutate(byte[] file, IReadOnlyList<byte[]> others, Random random)
    {
        if (random.Next(2) == 0)
            return SafetensorsMutation.Mutate(file, others, random);

        string folder = Directory.CreateTempSubdirectory("sla-fuzz-checkpoint-").FullName;
        try
        {
            var checkpoint = new CheckpointFile(folder);
            File.WriteAllBytes(checkpoint.Path, file);
            var header = checkpoint.ReadHeader();
            checkpoint.Write(Change(header.Identity, random), Change(checkpoint.ReadState(), random), isFinished: random.Next(8) == 0);
            return File.ReadAllBytes(checkpoint.Path);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Mostly the same: a checkpoint of another run is refused before anything else.</summary>
    private static RunIdentity Change(RunIdentity identity, Random random)
    {
        if (random.Next(16) > 0)
            return identity;
        var entries = new Dictionary<string, string>(identity.Entries);
        string name = entries.Keys.ElementAt(random.Next(entries.Count));
        if (random.Next(2) == 0)
            entries.Remove(name);
        else
            entries[name] += "x";
        return new RunIdentity(entries);
    }

    private static TrainingState Change(TrainingState state, Random random) => random.Next(8) switch
    {
        0 => state with { Step = RawMutation.Size(random) },
        1 => state with { EpochLoss = random.Next(2) == 0 ? double.MaxValue : -1 },
        2 => state with { Epochs = Change(state.Epochs, random) },
        3 => state with { Momenta = Change(state.Momenta, random)! },
        4 => state with { Average = Change(state.Average, random) },
        5 => state with { Best = Change(state.Best, random) },
        _ => state with { Network = Change(state.Network, random)! },
    };

    private static EpochMetrics[] Change(IReadOnlyList<EpochMetrics> epochs, Random random)
    {
        if (epochs.Count == 0 || random.Next(2) == 0)
            return [.. epochs, new EpochMetrics { Epoch = (int)RawMutation.Size(random), Step = RawMutation.Size(random), Loss = 0, LearningRate = 0 }];
        int index = random.Next(epochs.Count);
        return [.. epochs.Select((epoch, i) => i != index ? epoch : random.Next(3) switch
        {
            0 => null!,
            1 => epoch with { Epoch = (int)RawMutation.Size(random) },
            _ => epoch with { Step = RawMutation.Size(random), ValidationAccuracy = random.Next(2) == 0 ? null : 1e300 },
        })];
    }

    /// <summary>Another shape, name or value of one tensor, or none of it.</summary>
    private static Weights? Change(Weights? weights, Random random)
    {
        if (weights is null || random.Next(16) == 0)
            return random.Next(2) == 0 ? null : new Weights { ["x"] = ([1], [0]) };
        int index = random.Next(weights.Count());
        var changed = new Weights();
        foreach (var ((name, shape, values), i) in weights.Select((tensor, i) => (tensor, i)))
        {
            if (i != index)
            {
                changed[name] = (shape, values);
                continue;
            }

            switch (random.Next(5))
            {
                case 0:
                    changed[name + "x"] = (shape, values);
                    break;
                case 1:
                    changed[name] = ([.. shape, 1], values);
                    break;
                case 2:
                    changed[name] = ([values.Length + 1], [.. values, 0]);
                    break;
                case 3:
                    values[random.Next(values.Length)] = random.Next(3) switch { 0 => float.NaN, 1 => float.NegativeInfinity, _ => float.MaxValue };
                    changed[name] = (shape, values);
                    break;
            }
        }

        return changed;
    }
}
