namespace Sla;

/// <summary>How the time of a command is shared out.</summary>
internal static class TimeBudget
{
    private const double OthersShare = 0.05;

    private static readonly TimeSpan OthersMost = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The part of the command's time that is the training's. The rest is for starting the program, finding the images and writing the model. It is no
    /// measurement, so that a resumed command has the training time of the first one.
    /// </summary>
    public static TimeSpan OfTraining(TimeSpan command)
    {
        var others = OthersShare * command;
        return command - (others < OthersMost ? others : OthersMost);
    }

    /// <summary>What is left of a time, more than nothing.</summary>
    public static TimeSpan Rest(TimeSpan time, TimeSpan elapsed) => elapsed < time ? time - elapsed : TimeSpan.FromTicks(1);
}
