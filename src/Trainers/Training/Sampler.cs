using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Training;

/// <summary>Which images each step of a run trains on, a function of the seed.</summary>
internal abstract class Sampler(PixelStore store)
{
    public PixelStore Store { get; } = store;

    /// <summary>Images in a step.</summary>
    public abstract int BatchSize { get; }

    /// <summary>Steps in an epoch; the last epoch may have fewer.</summary>
    public abstract int StepsPerEpoch { get; }

    /// <summary>Steps in the run.</summary>
    public abstract long Steps { get; }

    /// <summary>The rows of an epoch's steps, one after another.</summary>
    /// <param name="epoch">Its number, counted from 1.</param>
    public abstract int[] Rows(int epoch);
}

/// <summary>
/// All rows in each epoch, in another order each time, or as many rows of all classes alike; of rows that were added on the way, as many as there were before.
/// </summary>
/// <param name="rows">The rows.</param>
/// <param name="settings">The numbers of the run.</param>
internal sealed class EpochSampler(RowSelection rows, TrainingSettings settings) : Sampler(rows.Store)
{
    /// <summary>What is asked for, or all there are.</summary>
    public override int BatchSize { get; } = Math.Min(settings.BatchSize, rows.Rows.Length);

    /// <summary>Full batches in an epoch, as the run began. Rows that fill no batch are left out, others in each epoch.</summary>
    public override int StepsPerEpoch { get; } = settings.Tail?.PlannedStepsPerEpoch ?? StepsIn(rows.Rows.Length, settings.BatchSize);

    public override long Steps => (long)settings.Epochs * StepsPerEpoch;

    /// <summary>Number of full batches in an epoch.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="batchSize">The batch size that is asked for.</param>
    public static int StepsIn(int rows, int batchSize) => rows / Math.Min(batchSize, rows);

    public override int[] Rows(int epoch) => settings.BalancedSampling
        ? BalancedOrder.Of(rows.Rows, Store.Label, Seeds.ForEpoch(settings.Seed, epoch))
        : Order(rows.Rows, settings.Seed, epoch);

    /// <summary>All rows once, in the order of an epoch.</summary>
    public static int[] Order(IEnumerable<int> rows, int seed, int epoch)
    {
        int[] order = [.. rows];
        Seeds.ForEpoch(seed, epoch).Shuffle(order);
        return order;
    }
}
