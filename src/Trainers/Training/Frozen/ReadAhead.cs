namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Enumerates items. Another thread makes the next item while the caller uses the current one.</summary>
/// <param name="make">Makes them.</param>
internal sealed class ReadAhead<T>(Func<IEnumerable<T>> make) : IDisposable
{
    private readonly IEnumerator<T> _source = make().GetEnumerator();
    private Task<bool>? _next;

    public IEnumerator<T> GetEnumerator()
    {
        _next = Task.Run(_source.MoveNext);
        while (_next.GetAwaiter().GetResult())
        {
            T item = _source.Current;
            _next = Task.Run(_source.MoveNext);
            yield return item;
        }
    }

    public void Dispose()
    {
        _next?.ContinueWith(task => task.Exception, TaskScheduler.Default).Wait();
        _source.Dispose();
    }
}
