namespace Microsoft.ML.Sla.Training;

/// <summary>
/// Describes a run whose number of epochs changed during training. The rest of its schedule is stretched or compressed to the new end. If
/// its rows changed as well, an epoch still has as many steps as before.
/// </summary>
/// <param name="Step">Steps done at the change.</param>
/// <param name="PlannedEpochs">The epochs planned before the change.</param>
/// <param name="PlannedSteps">The steps of those epochs.</param>
internal sealed record ScheduleTail(long Step, int PlannedEpochs, long PlannedSteps)
{
    public int PlannedStepsPerEpoch => (int)(PlannedSteps / PlannedEpochs);
}
