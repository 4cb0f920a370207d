using Microsoft.Extensions.Logging;
using Microsoft.ML.Sla.Chains;

namespace Microsoft.ML.Sla;

/// <summary>The model in service. It is replaced when its file or its options change.</summary>
/// <remarks>
/// It polls and has no file watcher. A watcher sees neither a symbolic link that is set to another target in a folder above the file, as
/// Kubernetes does, nor changes on many network and container volumes, so that it would need the poll beside it. A poll reads 16 KiB.
/// </remarks>
internal sealed partial class ReloadingModel : IDisposable
{
    /// <summary>After how many polls a file that was refused is tried again although it is the same.</summary>
    private const int PollsToRetry = 10;

    private readonly Func<ModelVersion> _readVersion;
    private readonly Action<bool> _countReload;
    private readonly ILogger _logger;
    private readonly PeriodicTimer? _timer;
    private volatile LoadedModel _current;
    private volatile Exception? _failure;
    private volatile bool _isDisposed;

    // Of the polls alone.
    private ModelVersion _seen;
    private ModelVersion _refused;
    private int _pollsSinceRefusal;

    /// <summary>Loads the model.</summary>
    /// <param name="readVersion">Reads what options and file are now.</param>
    /// <param name="pollingInterval">How often to look; null for never.</param>
    /// <param name="countReload">Told of each reload whether it succeeded. A failure that repeats is told once.</param>
    /// <param name="logger">The log.</param>
    public ReloadingModel(Func<ModelVersion> readVersion, TimeSpan? pollingInterval, Action<bool> countReload, ILogger logger)
    {
        (_readVersion, _countReload, _logger) = (readVersion, countReload, logger);
        _current = LoadedModel.Load(readVersion());
        LogLoaded(_current.Version.Path, _current.Predictor.ClassNames.Count);
        if (pollingInterval is not { } interval)
            return;

        // Unsafe: what the first request carries with it, such as its trace, is not that of the polls.
        _timer = new PeriodicTimer(interval);
        ThreadPool.UnsafeQueueUserWorkItem(model => _ = model.PollAsync(model._timer!), this, preferLocal: false);
    }

    /// <summary>The model in service.</summary>
    public LoadedModel Current => _current;

    /// <summary>Why the last change could not be loaded; null if there is none.</summary>
    public Exception? Failure => _failure;

    /// <summary>Takes the predictor in service, which stays open until the use is disposed.</summary>
    /// <exception cref="ObjectDisposedException">This is disposed.</exception>
    public Lifetime.Use Enter(out SlaPredictor predictor)
    {
        while (true)
        {
            var model = _current;
            if (model.Lifetime.TryEnter(out var use))
            {
                predictor = model.Predictor;
                return use;
            }

            // It was replaced since the read above. A successor is in place before a model is closed.
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(SlaPredictorService));
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        _timer?.Dispose();
        _current.Lifetime.Close();
    }

    private async Task PollAsync(PeriodicTimer timer)
    {
        while (await timer.WaitForNextTickAsync().ConfigureAwait(false))
        {
            try
            {
                Poll();
            }
            catch (Exception exception)
            {
                // Whatever it is, the model in service stays, and the next polls try again.
                (_refused, _pollsSinceRefusal) = (_seen, 0);
                bool isKnown = exception.Message == _failure?.Message;
                _failure = exception;
                if (isKnown)
                    continue;
                LogFailure(exception, _current.Version.Path, _current.LoadedAt);
                _countReload(false);
            }
        }
    }

    private void Poll()
    {
        var version = _readVersion();
        bool isSettled = version == _seen;
        _seen = version;
        if (version == _current.Version)
            _failure = null;
        else if (isSettled && (version != _refused || ++_pollsSinceRefusal == PollsToRetry))
            Replace(LoadedModel.Load(version));
    }

    private void Replace(LoadedModel next)
    {
        _failure = null;
        Interlocked.Exchange(ref _current, next).Lifetime.Close();

        // Dispose closed the model that it saw. That may have been the one before.
        if (_isDisposed)
            next.Lifetime.Close();
        LogLoaded(next.Version.Path, next.Predictor.ClassNames.Count);
        _countReload(true);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Loaded the model {ModelPath} with {Classes} classes.")]
    private partial void LogLoaded(string modelPath, int classes);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "A change of the model {ModelPath} could not be loaded. The one that was loaded at {LoadedAt:u} stays in service.")]
    private partial void LogFailure(Exception exception, string modelPath, DateTimeOffset loadedAt);
}
