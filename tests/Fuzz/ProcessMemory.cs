using System.Globalization;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>Resident memory of a process in bytes, as Linux counts it; 0 on other systems.</summary>
internal static class ProcessMemory
{
    private const string ResetPeak = "5";

    /// <summary>Resident memory now and at most, since the start or the last <see cref="Reset"/>.</summary>
    public static (long Now, long Peak) Of(int processId)
    {
        string path = $"/proc/{processId}/status";
        if (!OperatingSystem.IsLinux())
            return (0, 0);
        try
        {
            string[] lines = File.ReadAllLines(path);
            return (Value(lines, "VmRSS:"), Value(lines, "VmHWM:"));
        }
        catch (IOException)
        {
            return (0, 0);
        }
    }

    /// <summary>Makes the peak of this process what is resident now.</summary>
    public static void Reset()
    {
        if (OperatingSystem.IsLinux())
            File.WriteAllText("/proc/self/clear_refs", ResetPeak);
    }

    private static long Value(string[] lines, string name)
    {
        string? line = Array.Find(lines, line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null ? 0 : 1024 * long.Parse(line[name.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
    }
}
