using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Time that passes only where a test says so.</summary>
internal sealed class FakeTime : TimeProvider
{
    public double Seconds { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => (long)(Seconds * TimestampFrequency);

    public void Pass(double seconds) => Seconds += seconds;
}

/// <summary>No change of the images, but a step takes a while.</summary>
/// <param name="time">The time that passes.</param>
/// <param name="seconds">How long a step takes that begins now.</param>
internal sealed class SlowStep(FakeTime time, Func<double> seconds) : ImageAugmentation
{
    public override string ToString() => nameof(SlowStep);

    internal override void Apply(AugmentedBatch batch, Random random) => time.Pass(seconds());
}
