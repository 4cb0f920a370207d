namespace Microsoft.ML.Sla.Training;

/// <summary>
/// A run whose number of epochs was changed on the way: what was left of its schedule is stretched, or compressed, to the new end. Where its rows were
/// changed as well, an epoch still has as many steps as before.
/// </summary>
/// <param name="Step">Steps done when it was changed.</param>
/// <param name="PlannedEpochs">The epochs that had been planned.</param>
/// <param name="PlannedSteps">The steps of those epochs.</param>
internal sealed record ScheduleTail(long Step, int PlannedEpochs, long PlannedSteps)
{
    public int PlannedStepsPerEpoch => (int)(PlannedSteps / PlannedEpochs);
}
