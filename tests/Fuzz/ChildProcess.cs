using System.Diagnostics;
using System.Threading.Channels;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>A process of this program under another verb, seen from the one that watches it. It is dead when this is disposed.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const int LinesOfErrors = 60;
    private static readonly TimeSpan LastBreath = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Queue<string> _errors = new();

    /// <param name="temporary">Folder for temporary files: a process that is killed leaves them there.</param>
    /// <param name="arguments">Arguments of this program.</param>
    public ChildProcess(string temporary, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["DOTNET_DbgEnableMiniDump"] = "0", ["TMPDIR"] = temporary, ["TMP"] = temporary, ["TEMP"] = temporary },
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Receive(line.Data);
        _process.ErrorDataReceived += (_, line) => ReceiveError(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Resident memory before its first case, in bytes; null before that.</summary>
    public long? FirstMemory { get; set; }

    /// <summary>Resident memory, in bytes.</summary>
    public long Memory => ProcessMemory.Of(_process.Id).Now;

    /// <summary>The last lines of the standard error.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
                return string.Join('\n', _errors);
        }
    }

    /// <summary>Sends a line. Where the process has ended, nothing happens: its output says so.</summary>
    public void Send(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
        }
    }

    /// <summary>The next line of the output.</summary>
    /// <param name="line">The line; null where none came in time, or the output has ended.</param>
    /// <param name="time">How long to wait.</param>
    /// <returns>Whether there may be another.</returns>
    public bool TryNext(out string? line, TimeSpan time)
    {
        if (_lines.Reader.TryRead(out line))
            return true;
        using var cancellation = new CancellationTokenSource(time);
        try
        {
            bool isOpen = _lines.Reader.WaitToReadAsync(cancellation.Token).AsTask().GetAwaiter().GetResult();
            _lines.Reader.TryRead(out line);
            return isOpen;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    /// <summary>Waits for the process to end by itself, kills it where it does not, and says how it ended.</summary>
    public string Ending()
    {
        if (!_process.WaitForExit(LastBreath))
            return "closed its output, and did not end";
        return _process.ExitCode > 128 ? $"ended by signal {_process.ExitCode - 128}" : $"ended with exit code {_process.ExitCode}";
    }

    /// <summary>Waits for the process to do what its arguments say.</summary>
    /// <returns>Whether it did so in time.</returns>
    public bool Finish(TimeSpan time) => _process.WaitForExit(time) && _process.ExitCode == 0;

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit(LastBreath);
        _process.Dispose();
    }

    private void Receive(string? line)
    {
        if (line is null)
            _lines.Writer.TryComplete();
        else
            _lines.Writer.TryWrite(line);
    }

    private void ReceiveError(string? line)
    {
        lock (_errors)
        {
            if (line is null)
                return;
            _errors.Enqueue(line);
            if (_errors.Count > LinesOfErrors)
                _errors.Dequeue();
        }
    }
}
