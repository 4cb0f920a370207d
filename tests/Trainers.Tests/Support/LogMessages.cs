using System.Collections;
using System.Collections.Concurrent;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The messages that a context logs from now on.</summary>
internal sealed class LogMessages : IEnumerable<string>
{
    private readonly ConcurrentQueue<string> _messages = [];

    public LogMessages(MLContext mlContext) => mlContext.Log += (_, e) => _messages.Enqueue(e.Message);

    public void Clear() => _messages.Clear();

    public IEnumerator<string> GetEnumerator() => _messages.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>All messages, a line each.</summary>
    public override string ToString() => string.Join('\n', _messages);
}
