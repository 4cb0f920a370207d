using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.Sla.Faults;

/// <summary>A <see cref="Child"/> seen from outside. It is dead when this is disposed.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly ManualResetEventSlim _started = new();

    /// <param name="kind">The kind of run.</param>
    /// <param name="folder">Its folder.</param>
    /// <param name="pause">Milliseconds between its checkpoints.</param>
    /// <param name="shell">What a shell does before it becomes the process, such as <c>ulimit -f 1</c>; null for no shell.</param>
    /// <param name="redirection">The redirections of the process in the shell.</param>
    /// <param name="variables">Variables of its environment; null removes one.</param>
    public ChildProcess(
        string kind, string folder, int pause = 0, string? shell = null, string redirection = "", params (string Name, string? Value)[] variables)
    {
        string own = Environment.ProcessPath!;
        string[] command = [.. Path.GetFileNameWithoutExtension(own) == "dotnet" ? new[] { own, typeof(Child).Assembly.Location } : [own], Child.Verb, kind, folder, pause.ToString(CultureInfo.InvariantCulture)];
        if (shell is not null)
            command = ["/bin/sh", "-c", $"{shell}; exec \"$@\" {redirection}", "sh", .. command];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        foreach (var (name, value) in variables)
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Receive(line.Data);
        _process.ErrorDataReceived += (_, line) => Receive(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Waits until the run has begun, or the process has ended.</summary>
    public void WaitForStart()
    {
        var clock = Stopwatch.StartNew();
        while (!_started.Wait(10) && !_process.HasExited && clock.Elapsed < Longest)
        {
        }
    }

    /// <summary>Sends a signal.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-s", name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>The line that says what came of the run; how the process ended if there is none.</returns>
    public string Ending()
    {
        if (!_process.WaitForExit(Longest))
            return "it hangs";
        _process.WaitForExit();
        return _lines.LastOrDefault(line => line.StartsWith(Child.Model, StringComparison.Ordinal) || line.StartsWith(Child.Error, StringComparison.Ordinal))
            ?? $"exit code {_process.ExitCode}: {_lines.LastOrDefault()}";
    }

    /// <summary>The warnings so far.</summary>
    public IEnumerable<string> Warnings => _lines.Where(line => line.StartsWith(Child.Warning, StringComparison.Ordinal));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        _started.Dispose();
    }

    private void Receive(string? line)
    {
        if (line is null)
            return;
        _lines.Enqueue(line);
        if (line == Child.Started)
            _started.Set();
    }
}
