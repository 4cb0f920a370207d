namespace Microsoft.ML.Sla.Training;

/// <summary>Independent generators from one seed, so that any epoch can be drawn without those before it.</summary>
internal static class Seeds
{
    /// <summary>The generator of an epoch.</summary>
    public static Random ForEpoch(int seed, int epoch) => new(Mix(((ulong)(uint)seed << 32) | (uint)epoch));

    /// <summary>The finalizer of SplitMix64 (Steele, Lea and Flood 2014): neighbouring inputs give unrelated outputs.</summary>
    private static int Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return (int)(value ^ (value >> 31));
    }
}
