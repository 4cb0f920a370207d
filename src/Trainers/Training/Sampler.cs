using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Training;

/// <summary>Decides which images each step of a run trains on. The choice depends only on the seed.</summary>
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
/// Takes all rows in each epoch, in a new order each time; with balanced sampling, the same number of rows with all classes equally often.
/// If a search added rows during the run, an epoch still has as many rows as before.
/// </summary>
/// <param name="rows">The rows.</param>
/// <param name="settings">The settings of the run.</param>
internal sealed class EpochSampler(RowSelection rows, TrainingSettings settings) : Sampler(rows.Store)
{
    /// <summary>The batch size of the settings, or the number of rows if that is smaller.</summary>
    public override int BatchSize { get; } = Math.Min(settings.BatchSize, rows.Rows.Length);

    /// <summary>Full batches in an epoch when the run began. Rows that do not fill a batch are left out, different rows in each epoch.</summary>
    public override int StepsPerEpoch { get; } = settings.Tail?.PlannedStepsPerEpoch ?? StepsIn(rows.Rows.Length, settings.BatchSize);

    public override long Steps => (long)settings.Epochs * StepsPerEpoch;

    /// <summary>Number of full batches in an epoch.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="batchSize">The batch size of the settings.</param>
    public static int StepsIn(int rows, int batchSize) => rows / Math.Min(batchSize, rows);

    public override int[] Rows(int epoch) => settings.BalancedSampling
        ? BalancedOrder.Of(rows.Rows, Store.Label, Seeds.ForEpoch(settings.Seed, epoch))
        : Order(rows.Rows, settings.Seed, epoch);

    /// <summary>Each row once, in the order of an epoch.</summary>
    public static int[] Order(IEnumerable<int> rows, int seed, int epoch)
    {
        int[] order = [.. rows];
        Seeds.ForEpoch(seed, epoch).Shuffle(order);
        return order;
    }
}
