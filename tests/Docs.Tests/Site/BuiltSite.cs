using System.Diagnostics;
using System.Reflection;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The site that docfx makes of the pages and of the built libraries, made once for all its tests.</summary>
public sealed class BuiltSite : IAsyncLifetime
{
    public static string Repository { get; } = Path.GetFullPath(
        typeof(BuiltSite).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "Repository").Value!);

    /// <summary>What docfx read out of the assemblies and their XML documentation, a file for each type.</summary>
    public string Api { get; } = Path.Combine(Repository, "artifacts", "api");

    public string Folder { get; } = Path.Combine(Repository, "artifacts", "site");

    public IEnumerable<string> Pages => Directory.GetFiles(Folder, "*.html", SearchOption.AllDirectories);

    public async ValueTask InitializeAsync()
    {
        // A page of an earlier build would keep a dead link alive.
        foreach (string folder in new[] { Api, Folder }.Where(Directory.Exists))
            Directory.Delete(folder, recursive: true);
        await DotnetAsync("tool", "restore");
        await DotnetAsync("docfx", "--warningsAsErrors");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async Task DotnetAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = Repository,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {output}{await error}");
    }
}
