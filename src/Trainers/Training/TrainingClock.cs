namespace Microsoft.ML.Sla.Training;

/// <summary>
/// The clock of a training that has a time. It runs from the beginning of Fit, says how much of the schedule is done, and ends the steps so that what
/// comes after them fits into the time.
/// </summary>
/// <param name="time">The time from the beginning to the end of Fit; of a resumed run, over all processes.</param>
/// <param name="provider">Where the time is read.</param>
internal sealed class TrainingClock(TimeSpan time, TimeProvider provider)
{
    /// <summary>Share of the last step in the moving mean of durations: a load shows after a few steps, a single slow step hardly.</summary>
    private const double Newest = 0.2;

    /// <summary>How many times longer or shorter a validation is expected to be than the last one, at most.</summary>
    private const double LargestChange = 4;

    private readonly long _start = provider.GetTimestamp();
    private TimeSpan _time = time;
    private TimeSpan _before;
    private TimeSpan _stepBegan;
    private TimeSpan _firstStepBegan;
    private long _steps;
    private double _stepSeconds;
    private TimeSpan _checkpoint;
    private TimeSpan _validation;
    private double _stepSecondsAtValidation;

    /// <summary>Time since the beginning of Fit, that of earlier processes included.</summary>
    public TimeSpan Elapsed => _before + provider.GetElapsedTime(_start);

    /// <summary>Time to the end of Fit, 0 or more.</summary>
    public TimeSpan Left => Elapsed < _time ? _time - Elapsed : TimeSpan.Zero;

    /// <summary>Whether more than a share of the whole time is left.</summary>
    public bool HasLeft(double share) => Left > share * _time;

    /// <summary>How much of the schedule was done when the last step began, 0 to 1.</summary>
    public double Progress { get; private set; }

    /// <summary>How long it takes to make the model of a trained network.</summary>
    public TimeSpan ModelMaking { private get; set; }

    /// <summary>Whether less than half a step fits into what is left for steps. A process makes one step at least.</summary>
    public bool IsOver => _steps > 0 && Elapsed + TimeSpan.FromSeconds(_stepSeconds / 2) > LastStepEnds;

    /// <summary>How many steps fit into what is left, at the speed so far, validation included.</summary>
    public long StepsLeft
    {
        get
        {
            var now = Elapsed;
            return _steps == 0 || now >= LastStepEnds ? 0 : (long)Math.Ceiling(_steps * ((LastStepEnds - now) / (now - _firstStepBegan)));
        }
    }

    /// <summary>When the last step is to end: the validation, the checkpoint and the model come after it.</summary>
    private TimeSpan LastStepEnds => _time - Validation - _checkpoint - ModelMaking;

    /// <summary>How long a validation takes at the speed of now.</summary>
    private TimeSpan Validation => _stepSecondsAtValidation == 0
        ? _validation
        : _validation * Math.Clamp(_stepSeconds / _stepSecondsAtValidation, 1 / LargestChange, LargestChange);

    /// <summary>The longest time from the beginning of the first step to the end of the last; null for all that is left.</summary>
    public TimeSpan? MostTimeOfSteps { private get; set; }

    /// <summary>Says how long a validation is going to take, as long as there was none.</summary>
    public void ExpectValidation(TimeSpan duration) => _validation = duration;

    /// <summary>
    /// Raises <see cref="Progress"/>. While the expected end of the steps stays, it is the share of the time from the first step to that end. When the end
    /// moves, because a validation takes longer than the one before, the rest of the schedule is stretched to the new end.
    /// </summary>
    public void BeginStep()
    {
        var now = Elapsed;
        if (_steps == 0)
        {
            _firstStepBegan = now;
            if (MostTimeOfSteps is { } most && now + most < LastStepEnds)
                _time -= LastStepEnds - now - most;
        }
        else
        {
            Progress = now < LastStepEnds ? Progress + ((1 - Progress) * ((now - _stepBegan) / (LastStepEnds - _stepBegan))) : 1;
        }

        _stepBegan = now;
    }

    public void EndStep()
    {
        double seconds = (Elapsed - _stepBegan).TotalSeconds;
        _steps++;

        // The first step warms up.
        _stepSeconds = _steps <= 2 ? seconds : _stepSeconds + (Newest * (seconds - _stepSeconds));
    }

    /// <summary>Measures how long a checkpoint takes. The last one is written after the last step.</summary>
    public T Checkpoint<T>(Func<T> write)
    {
        // The time of earlier processes may come in meanwhile.
        long began = provider.GetTimestamp();
        T result = write();
        _checkpoint = provider.GetElapsedTime(began);
        return result;
    }

    /// <summary>Measures how long a validation takes.</summary>
    public T Validate<T>(Func<T> validate)
    {
        var began = Elapsed;
        T validation = validate();
        (_validation, _stepSecondsAtValidation) = (Elapsed - began, _stepSeconds);
        return validation;
    }

    public TrainingTime Capture() => new(Elapsed.TotalSeconds, Progress);

    /// <summary>Adds the time of earlier processes to that of this one.</summary>
    public void Restore(TrainingTime state)
    {
        _before = TimeSpan.FromSeconds(state.Seconds);
        Progress = state.Progress;
    }
}
