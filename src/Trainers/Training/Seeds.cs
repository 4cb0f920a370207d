namespace Microsoft.ML.Sla.Training;

/// <summary>Independent generators from one seed, so that a resumed run can draw an epoch or step without those before it.</summary>
internal static class Seeds
{
    /// <summary>The generator of an epoch's order.</summary>
    public static Random ForEpoch(int seed, int epoch) => new((int)Mix(((ulong)(uint)seed << 32) | (uint)epoch));

    /// <summary>The generator of a step's augmentation and views.</summary>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="step">The step of the run, counted from 0.</param>
    public static Random ForStep(int seed, long step) => new((int)Mix(Mix((uint)seed) + (ulong)step));

    /// <summary>The finalizer of SplitMix64 (Steele, Lea and Flood 2014): neighbouring inputs give unrelated outputs.</summary>
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
