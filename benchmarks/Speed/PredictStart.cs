using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Speed;

/// <summary>
/// Measures from start to end of the process, in turn, <c>sla predict</c> of one image and the least program that does the same with
/// ONNX Runtime (benchmarks/MinimalOnnx), both published in the same way. Runs in the folder of the repository.
/// </summary>
internal static class PredictStart
{
    /// <param name="model">A model that <c>sla train</c> wrote.</param>
    /// <param name="image">The image.</param>
    /// <param name="repeats">Processes of each kind, after a first one that is not counted.</param>
    public static int Run(string model, string image, int repeats)
    {
        string folder = Directory.CreateTempSubdirectory("sla-start-").FullName;
        try
        {
            string sla = Publish("samples/Cli", "sla", folder);
            string minimal = Publish("benchmarks/MinimalOnnx", "MinimalOnnx", folder);
            string onnx = Path.Combine(folder, "model.onnx");
            Milliseconds(sla, "export", "--model", model, "--onnx", onnx);

            var ours = new List<double>();
            var beside = new List<double>();
            for (int repeat = 0; repeat <= repeats; repeat++)
            {
                ours.Add(Milliseconds(sla, "predict", "--model", model, image));
                beside.Add(Milliseconds(minimal, onnx, image));
            }

            double oursMedian = Median.Of(ours.Skip(1)), besideMedian = Median.Of(beside.Skip(1));
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"sla predict {oursMedian:F0} ms, MinimalOnnx {besideMedian:F0} ms, ratio {oursMedian / besideMedian:F2} (medians of {repeats} processes each, in turn)"));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Publish(string project, string name, string folder)
    {
        string output = Path.Combine(folder, name);
        Milliseconds("dotnet", "publish", project, "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false", "-o", output);
        return Path.Combine(output, name);
    }

    private static double Milliseconds(string program, params string[] arguments)
    {
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? clock.Elapsed.TotalMilliseconds
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {output}");
    }
}
