using System.Diagnostics;

namespace Microsoft.ML.Sla.Faults;

/// <summary>The faults, each with what must come of it.</summary>
internal sealed class AllFaults : IDisposable
{
    /// <summary>Milliseconds between checkpoints where a fault needs the time.</summary>
    private const int Pause = 60;

    /// <summary>Milliseconds in which a frozen backbone reads the images, or a little more.</summary>
    private const int LongestReading = 150;

    /// <summary>Pages of the largest disk that may become full, about three checkpoints.</summary>
    private const int MostPages = 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-faults-").FullName;
    private readonly Random _random = new();
    private readonly Dictionary<string, string> _expected = [];
    private readonly int _rounds;
    private readonly string _only;
    private int _folders;
    private bool _hasFailed;

    private AllFaults(int rounds, string only) => (_rounds, _only) = (rounds, only);

    /// <param name="rounds">Rounds of each fault.</param>
    /// <param name="isShort">Whether to try the first five faults only.</param>
    /// <param name="only">What the name of a fault must have in it to be tried.</param>
    /// <returns>The exit code: 0 where all came out right, and 1 where one did not.</returns>
    public static int Run(int rounds, bool isShort, string only = "")
    {
        using var faults = new AllFaults(rounds, only);
        faults.Try("kill -9 in a training, then resume", () => faults.Killed("training"));
        faults.Try("SIGTERM in a training, then resume", () => faults.Stopped("TERM"));
        faults.Try("full disk", faults.FullDisk);
        faults.Try("two trainings on one folder", () => faults.Two("training"));
        faults.Try("links at names that can be foreseen", faults.Links);
        if (isShort)
            return faults._hasFailed ? 1 : 0;

        faults.Try("kill -9 while a frozen backbone reads, then again", () => faults.Killed("frozen"));
        faults.Try("kill -9 in a search, then resume", () => faults.Killed("search"));
        faults.Try("SIGINT in a training, then resume", () => faults.Stopped("INT"));
        faults.Try("two searches on one folder", () => faults.Two("search"));
        faults.Try("folder removed in a training", faults.Removed);
        faults.Try("folder that cannot be written to", faults.ReadOnly);
        faults.Try("checkpoint cut off", () => faults.Damaged(bytes => bytes[..faults._random.Next(bytes.Length)]));
        faults.Try("checkpoint with a flipped bit", () => faults.Damaged(faults.Flipped));
        faults.Try("closed standard error", () => faults.Same("training", shell: ":", redirection: "2>&-"));
        faults.Try("decimal commas", () => faults.Same("search", variables: (Child.CommasVariable, "1")));
        faults.Try("LANG of Turkish and German", () => faults.Same("training", variables: [("LANG", "tr_TR.UTF-8"), ("LC_ALL", "de_DE.UTF-8")]));
        faults.Try("HOME unset", () => faults.Same("frozen", variables: [("HOME", null), ("XDG_DATA_HOME", null)]));
        faults.Try("TMPDIR missing", faults.NoTemporaryFolder);
        faults.Try("managed memory limited", faults.LittleMemory);
        return faults._hasFailed ? 1 : 0;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Lets a fault happen some times, and writes the line.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="round">Returns what came of it, which is right; or throws a <see cref="WrongException"/>.</param>
    private void Try(string fault, Func<string> round)
    {
        if (!fault.Contains(_only, StringComparison.OrdinalIgnoreCase))
            return;
        var outcomes = new List<string>();
        string? wrong = null;
        for (int i = 0; i < _rounds && wrong is null; i++)
        {
            try
            {
                outcomes.Add(round());
            }
            catch (WrongException exception)
            {
                wrong = exception.Message;
                _hasFailed = true;
            }
        }

        string right = string.Join(", ", outcomes.CountBy(outcome => outcome).Select(outcome => $"{outcome.Value} {outcome.Key}"));
        Console.WriteLine($"{fault}: {outcomes.Count + (wrong is null ? 0 : 1)} rounds, {right}{(wrong is null ? "" : $" WRONG: {wrong}")}");
    }

    private string NewFolder() => Path.Combine(_folder, $"{++_folders}");

    /// <summary>What a run gives that nothing happens to.</summary>
    private string Expected(string kind)
    {
        if (!_expected.TryGetValue(kind, out string? model))
        {
            using var process = new ChildProcess(kind, NewFolder());
            model = process.Ending();
            Require(model.StartsWith(Child.Model, StringComparison.Ordinal), model);
            _expected[kind] = model;
        }

        return model;
    }

    /// <summary>Runs to the end, and requires the model of a run that nothing happened to.</summary>
    private string Same(string kind, string? folder = null, string? shell = null, string redirection = "", params (string Name, string? Value)[] variables)
    {
        using var process = new ChildProcess(kind, folder ?? NewFolder(), 0, shell, redirection, variables);
        return RequireSame(kind, process);
    }

    private string RequireSame(string kind, ChildProcess process)
    {
        string ending = process.Ending();
        Require(ending == Expected(kind), $"{ending}, where {Expected(kind)} was to come; {string.Join("; ", process.Warnings)}");
        return "with the same model";
    }

    private string Killed(string kind)
    {
        const int Kills = 3;
        string folder = NewFolder();
        for (int kill = 0; kill < Kills; kill++)
        {
            using var process = new ChildProcess(kind, folder, Pause);
            process.WaitForStart();
            Thread.Sleep(_random.Next(kind == "frozen" ? LongestReading : 20 * Pause));
        }

        return Same(kind, folder);
    }

    private string Stopped(string signal)
    {
        string folder = NewFolder(), temporary = Directory.CreateDirectory(NewFolder()).FullName;
        using (var process = new ChildProcess("training", folder, Pause, variables: ("TMPDIR", temporary)))
        {
            process.WaitForStart();
            Thread.Sleep(_random.Next(10 * Pause));
            process.Signal(signal);
            string ending = process.Ending();
            Require(ending.StartsWith($"{Child.Error}OperationCanceledException", StringComparison.Ordinal) && ending.Contains(folder, StringComparison.Ordinal), ending);
        }

        Require(!Directory.EnumerateFileSystemEntries(temporary).Any(path => Path.GetFileName(path).Contains("sla", StringComparison.OrdinalIgnoreCase)), "temporary files are left");
        return Same("training", folder);
    }

    /// <summary>The disk has room for no checkpoint, for the first one only, or for all.</summary>
    private string FullDisk()
    {
        string folder = Directory.CreateDirectory(NewFolder()).FullName;
        if (!Mount($"size={4 * _random.Next(1, MostPages)}k", folder))
            return "skipped, as this user mounts nothing";
        try
        {
            using var process = new ChildProcess("training", Path.Combine(folder, "run"));
            string ending = process.Ending();
            Require(ending == Expected("training") || Names(ending, "IOException", folder), ending);
            return ending == Expected("training") ? "with the same model" : "refused by name";
        }
        finally
        {
            Command("umount", folder);
        }
    }

    private string ReadOnly()
    {
        string folder = Directory.CreateDirectory(NewFolder()).FullName;
        bool isMounted = Mount("ro", folder);
        if (!isMounted)
            Command("chmod", "0500", folder);
        try
        {
            using var process = new ChildProcess("training", Path.Combine(folder, "run"));
            string ending = process.Ending();
            Require(Names(ending, "IOException", folder), ending);
            return "refused by name";
        }
        finally
        {
            if (isMounted)
                Command("umount", folder);
        }
    }

    private string Two(string kind)
    {
        string folder = NewFolder();
        using var first = new ChildProcess(kind, folder, Pause);
        first.WaitForStart();
        using (var second = new ChildProcess(kind, folder))
        {
            string ending = second.Ending();
            Require(Names(ending, "IOException", folder) && ending.Contains(" uses it", StringComparison.Ordinal), ending);
        }

        return RequireSame(kind, first);
    }

    private string Removed()
    {
        string folder = NewFolder();
        using var process = new ChildProcess("training", folder, Pause);
        process.WaitForStart();
        Thread.Sleep(_random.Next(5 * Pause));
        Directory.Delete(folder, recursive: true);
        return RequireSame("training", process);
    }

    private string Damaged(Func<byte[], byte[]> damage)
    {
        string folder = NewFolder();
        using (var process = new ChildProcess("training", folder, Pause))
        {
            process.WaitForStart();
            Thread.Sleep(5 * Pause);
        }

        string path = Path.Combine(folder, "checkpoint.safetensors");
        File.WriteAllBytes(path, damage(File.ReadAllBytes(path)));
        using var resumed = new ChildProcess("training", folder);
        string ending = resumed.Ending();
        Require(ending == Expected("training") || Names(ending, "InvalidDataException", path), ending);
        return ending == Expected("training") ? "with the same model" : "refused by name";
    }

    private byte[] Flipped(byte[] bytes)
    {
        bytes[_random.Next(bytes.Length)] ^= (byte)(1 << _random.Next(8));
        return bytes;
    }

    /// <summary>Each link leads to a file of somebody else, which must stay as it is. The embeddings have the name that an earlier run gave them.</summary>
    private string Links()
    {
        foreach (string kind in TinyRun.Kinds)
        {
            _ = Expected(kind);
            string known = Directory.GetFiles(_folder, "embeddings-*.bin", SearchOption.AllDirectories).Select(path => Path.GetFileName(path)).FirstOrDefault() ?? "embeddings-";
            string[] names = kind == "search" ? ["search.lock", "trials.jsonl", "search.json"] : ["training.lock", "checkpoint.safetensors", "checkpoint.safetensors.1.tmp", known];
            foreach (string name in names)
            {
                string folder = Directory.CreateDirectory(NewFolder()).FullName, other = NewFolder();
                File.WriteAllText(other, "of somebody else");
                File.SetLastWriteTimeUtc(other, DateTime.UnixEpoch);
                File.CreateSymbolicLink(Path.Combine(folder, name), other);
                using var process = new ChildProcess(kind, folder);
                string ending = process.Ending();
                Require(ending == Expected(kind) || ending.StartsWith(Child.Error, StringComparison.Ordinal), ending);
                Require(File.Exists(other) && File.ReadAllText(other) == "of somebody else" && File.GetLastWriteTimeUtc(other) == DateTime.UnixEpoch, $"the link {name} was followed");
            }

            // The short part looks at the training alone.
            if (_rounds == 1)
                break;
        }

        return "left alone what they lead to";
    }

    private string NoTemporaryFolder()
    {
        string missing = NewFolder();
        using var process = new ChildProcess("training", NewFolder(), 0, null, "", ("TMPDIR", missing));
        string ending = process.Ending();
        Require(Names(ending, "IOException", missing) && ending.Contains("TMPDIR", StringComparison.Ordinal), ending);
        return "refused by name";
    }

    private string LittleMemory()
    {
        string limit = $"0x{_random.Next(8, 48) << 20:x}";
        using var process = new ChildProcess("training", NewFolder(), 0, null, "", ("DOTNET_GCHeapHardLimit", limit));
        string ending = process.Ending();
        bool isSaid = ending.StartsWith(Child.Error, StringComparison.Ordinal) || ending.Contains("Out of memory", StringComparison.OrdinalIgnoreCase) || ending.Contains("GC heap initialization failed", StringComparison.Ordinal);
        Require(ending == Expected("training") || isSaid, ending);
        return ending == Expected("training") ? "with the same model" : "refused by name";
    }

    private static bool Names(string ending, string exception, string path) =>
        ending.StartsWith($"{Child.Error}{exception} ", StringComparison.Ordinal) && ending.Contains(path, StringComparison.Ordinal);

    private static bool Mount(string options, string folder) => Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);

    private static bool Command(string name, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
            throw new WrongException(otherwise);
    }

    private sealed class WrongException(string message) : Exception(message);
}
