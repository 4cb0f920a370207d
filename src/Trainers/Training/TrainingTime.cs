namespace Microsoft.ML.Sla.Training;

/// <summary>Where a training that has a time stands.</summary>
/// <param name="Seconds">Seconds since the beginning of Fit, over all processes of the run.</param>
/// <param name="Progress">How much of the schedule is done, 0 to 1.</param>
internal sealed record TrainingTime(double Seconds, double Progress)
{
    /// <summary>Seconds of a checkpoint beyond which it is damaged: a TimeSpan takes no more than 3e11.</summary>
    private const double MostSeconds = 1e11;

    /// <exception cref="InvalidDataException">A value cannot be.</exception>
    public void Check()
    {
        if (Seconds is not (>= 0 and < MostSeconds) || Progress is not (>= 0 and <= 1))
            throw new InvalidDataException(FormattableString.Invariant($"it is of {Seconds} seconds, with {Progress} of the schedule done."));
    }
}
