namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// One measurement, by all that decides what it gives: a record that is equal where these are. Two studies that share a file of lines share
/// their equal runs.
/// </summary>
internal interface IRun
{
    /// <summary>Seed of images and training.</summary>
    int Seed { get; }

    /// <summary>Threads that it computes on.</summary>
    int Cores { get; }

    /// <summary>The run whose model it needs; null where it needs none.</summary>
    IRun? After => null;

    /// <exception cref="FormatException">A word stands for nothing.</exception>
    void Check();

    /// <summary>Runs it.</summary>
    /// <returns>The line, but for what made it.</returns>
    object Measure(Arguments arguments);
}
