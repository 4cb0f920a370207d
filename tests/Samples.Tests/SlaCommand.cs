using System.Text.Json.Nodes;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Runs the command <c>sla</c>.</summary>
internal static class SlaCommand
{
    /// <summary>Arguments that train a small network.</summary>
    public static string[] Train(string images, string model, int epochs, params string[] others) =>
        ["train", "--images", images, "--model", model, "--architecture", "cifar-resnet-8", "--epochs", $"{epochs}", .. others];

    public static Task<ProgramRun> RunAsync(params string[] arguments) => ProgramRun.RunAsync("Cli", arguments);

    /// <summary>Runs a command that must be done.</summary>
    public static async Task<ProgramRun> DoneAsync(params string[] arguments)
    {
        var run = await RunAsync(arguments);
        Assert.True(run.Code == 0, run.Error);
        return run;
    }

    /// <summary>Runs a command that must be done, and reads its result.</summary>
    public static async Task<JsonNode> JsonAsync(params string[] arguments) =>
        JsonNode.Parse((await DoneAsync([.. arguments, "--json"])).Output)!;

    /// <summary>Runs a command that must end with 1 and one line that says what to do.</summary>
    public static async Task RefusedAsync(string message, params string[] arguments)
    {
        var run = await RunAsync(arguments);
        Assert.Equal(1, run.Code);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.StartsWith("sla: ", Assert.Single(run.Error.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }
}
