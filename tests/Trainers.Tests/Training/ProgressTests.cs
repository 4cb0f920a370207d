using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Rates, times and speeds against values computed by hand.</summary>
public sealed class ProgressTests
{
    [Theory]
    [InlineData(LearningRateSchedule.Constant, 0.2, 0.2, 0.2, 0.2)]
    [InlineData(LearningRateSchedule.Step, 0.2, 0.2, 0.02, 0.002)]
    [InlineData(LearningRateSchedule.Cosine, 0.2, 0.170710678118655, 0.1, 0.029289321881345)]
    public void A_schedule_lowers_the_rate_at_its_quarters(LearningRateSchedule schedule, double atStart, double atQuarter, double atHalf, double atLastQuarter) =>
        Assert.Equal([atStart, atQuarter, atHalf, atLastQuarter], new[] { 0, 0.25, 0.5, 0.75 }.Select(progress => Math.Round(ScheduleMath.RateAt(schedule, 0.2, progress), 15)));

    [Fact]
    public void What_remains_is_reckoned_from_the_steps_of_this_process()
    {
        var resumed = new TrainingProgress
        {
            Epoch = 1,
            Epochs = 2,
            Step = 30,
            Steps = 100,
            Loss = 0.5,
            LearningRate = 0.1,
            ImagesPerSecond = 64,
            Elapsed = TimeSpan.FromSeconds(10),
            FirstStep = 10,
        };
        Assert.Equal(TimeSpan.FromSeconds(35), resumed.Remaining);
        Assert.Equal(TimeSpan.Zero, (resumed with { Step = 10 }).Remaining);
    }

    [Fact]
    public void Speed_is_in_epochs_and_images_a_second()
    {
        var speed = new TrainingSpeed { Reading = TimeSpan.FromSeconds(1), StepsPerEpoch = 10, BatchSize = 32, Step = TimeSpan.FromMilliseconds(500) };
        Assert.Equal(TimeSpan.FromSeconds(5), speed.Epoch);
        Assert.Equal(64, speed.ImagesPerSecond);
    }
}
