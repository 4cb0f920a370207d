using System.Diagnostics;
using Xunit;

namespace Microsoft.ML.Sla.Tests.Native;

/// <summary>Runs one test in a process of its own, for what a process does only once.</summary>
internal static class TestProcess
{
    private const string Mark = "SLA_TEST_PROCESS";

    /// <summary>Whether this is such a process.</summary>
    public static bool IsThis => Environment.GetEnvironmentVariable(Mark) is not null;

    /// <summary>Runs the test and fails if it fails.</summary>
    public static async Task Run(Type type, string method, string variable, string value)
    {
        using Process process = Start(type, method, variable, value);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Total: 1, ", output, StringComparison.Ordinal);
    }

    /// <summary>Starts the test.</summary>
    public static Process Start(Type type, string method, string variable, string value)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            Environment = { [Mark] = "1", [variable] = value },
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(type.Assembly.Location);
        start.ArgumentList.Add("-method");
        start.ArgumentList.Add($"{type.FullName}.{method}");
        return Process.Start(start)!;
    }
}
