namespace WebApp;

/// <summary>Whether there is a model, and how far its training is.</summary>
internal sealed class ModelState
{
    private volatile string? _whyNot = "The service is starting.";

    /// <summary>Share of the training that is done, 0 to 1; null where nothing trains.</summary>
    public double? Progress { get; private set; }

    /// <summary>Why there is no model; null where there is one.</summary>
    public string? WhyNot => _whyNot;

    public bool IsReady => _whyNot is null;

    public void Train(double progress)
    {
        Progress = progress;
        _whyNot = $"A model is being trained: {progress:P0} is done.";
    }

    public void BeReady()
    {
        Progress = null;
        _whyNot = null;
    }

    public void Fail(string why)
    {
        Progress = null;
        _whyNot = why;
    }

    /// <exception cref="ProblemException">There is no model.</exception>
    public void Check()
    {
        if (_whyNot is { } why)
            throw Problem.NotReady(why);
    }
}
