using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Speed;

/// <summary>Measures this library and a PyTorch script in turn, each measurement in a process of its own, and compares the medians.</summary>
/// <param name="peer">The script.</param>
/// <param name="images">A folder of JPEG files, one folder a class.</param>
/// <param name="repeats">Measurements of each kind.</param>
internal sealed class Comparison(string peer, string images, int repeats)
{
    /// <summary>GFLOP of a view, forward and backward, by the count of its multiply-adds.</summary>
    private const double GigaOperationsOfView = 0.417;

    private const int Views = 4;

    /// <summary>Training steps that the peer measures, after a first one that it does not.</summary>
    private const int PeerSteps = 2;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly Dictionary<string, List<double>> _measured = [];

    public int Run(string output)
    {
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            Console.Error.WriteLine($"{DateTime.Now:T} repeat {repeat + 1} of {repeats}");
            Ours("matmul", "measure", "matmul");
            Peer("peer train", "train", "--steps", $"{PeerSteps}");
            Ours("train", "measure", "train");
            Peer("peer train channels-last", "train", "--channels-last", "--steps", $"{PeerSteps}");
            Ours("train float32", "measure", "train", "Float32");
            Peer("peer score", "score", "--steps", "3");
            Ours("score", "measure", "score");
            Peer("peer score batch 1", "score", "--batch", "1", "--steps", "10");
            Ours("folder", "measure", "folder", images);
        }

        File.WriteAllText($"{output}.json", JsonSerializer.Serialize(_measured, Indented) + "\n");
        string table = Table();
        File.WriteAllText($"{output}.md", table);
        Console.Write(table);
        return 0;
    }

    private string Table()
    {
        var rows = new (string Measure, string Ours, string Peer, double Ratio, string Wanted)[]
        {
            Rates("training, default options, over the peer's default layout (images/s)", "train images_per_s", "peer train images_per_s", "3.0"),
            Rates("training, fp32, over the peer's channels-last (images/s)", "train float32 images_per_s", "peer train channels-last images_per_s", "1.3"),
            Arithmetic("arithmetic of a step over the bf16 matrix product (GFLOP/s)", "train images_per_s", "matmul bfloat16_gflops", "0.60"),
            Arithmetic("arithmetic of an fp32 step over the fp32 matrix product (GFLOP/s)", "train float32 images_per_s", "matmul float32_gflops", ""),
            Rates("aggregated scoring, over the peer's batch of 128 (images/s)", "score aggregated_images_per_s", "peer score aggregated_images_per_s", "3.5"),
            Rates("aggregated scoring in 8 bits, over the peer's batch of 128 (images/s)", "score aggregated_int8_images_per_s", "peer score aggregated_images_per_s", ""),
            Rates("scoring of one view, over the peer's batch of 128 (images/s)", "score distilled_images_per_s", "peer score single_images_per_s", ""),
            Rates("distilled over aggregated scoring (images/s)", "score distilled_images_per_s", "score aggregated_images_per_s", "3.5"),
            ("aggregated prediction of one image, time of the peer's over ours (ms)", Number(MedianOf("score aggregated_engine_ms")), Number(1000 / MedianOf("peer score batch 1 aggregated_images_per_s")),
                1000 / MedianOf("peer score batch 1 aggregated_images_per_s") / MedianOf("score aggregated_engine_ms"), ""),
            ("PredictionEngine over ONNX Runtime alone, aggregated (time)", "", "", MedianOf("score aggregated_engine_over_bare"), "at most 1.25"),
            ("PredictionEngine over ONNX Runtime alone, distilled (time)", "", "", MedianOf("score distilled_engine_over_bare"), "at most 1.25"),
            Rates("peak memory of training, default options, over the peer's default layout (MiB)", "train peak_mib", "peer train peak_mib", "at most 1.0"),
            Rates("peak memory of training, fp32, over the peer's channels-last (MiB)", "train float32 peak_mib", "peer train channels-last peak_mib", "at most 1.0"),
        };
        var lines = rows.Select(row => $"| {row.Measure} | {row.Ours} | {row.Peer} | {row.Ratio.ToString("F2", CultureInfo.InvariantCulture)} | {row.Wanted} |");
        return string.Join('\n',
        [
            "| measure | ours | beside | ratio | wanted |",
            "| --- | ---: | ---: | ---: | ---: |",
            .. lines,
            "",
            $"Medians of {repeats} processes each, in turn.",
            "",
            "| time to the first result | s |",
            "| --- | ---: |",
            $"| call of Fit to the end of the first step, pixels in memory | {Number(MedianOf("train first_step_s"))} |",
            $"| start of the process to the end of the first step, pixels in memory | {Number(MedianOf("train process_to_first_step_s"))} |",
            $"| the same for the peer, with the end of its process | {Number(MedianOf("peer train process_s") - PeerSteps * MedianOf("peer train step_s"))} |",
            $"| call of Fit to the end of the first step, from 2,048 JPEG files | {Number(MedianOf("folder first_step_s"))} |",
            $"| of these, reading and decoding | {Number(MedianOf("folder reading_s"))} |",
            $"| a model in memory to its first prediction, distilled | {Number(MedianOf("score distilled_first_prediction_s"))} |",
            $"| a model file to its first prediction, distilled | {Number(MedianOf("score distilled_load_to_prediction_s"))} |",
            "",
            $"Reading, decoding and augmenting are {Percent(MedianOf("folder share_of_first_epoch"))} % of the first epoch from the folder and "
                + $"{Percent(MedianOf("folder share_of_later_epochs"))} % of each later one.",
            "",
        ]);
    }

    private (string Measure, string Ours, string Peer, double Ratio, string Wanted) Rates(string measure, string ours, string peers, string wanted, double factor = 1) =>
        (measure, Number(factor * MedianOf(ours)), Number(MedianOf(peers)), factor * MedianOf(ours) / MedianOf(peers), wanted);

    private (string Measure, string Ours, string Peer, double Ratio, string Wanted) Arithmetic(string measure, string images, string limit, string wanted) =>
        Rates(measure, images, limit, wanted, Views * GigaOperationsOfView);

    private static string Number(double value) => value.ToString(value < 10 ? "F2" : "F0", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture);

    private double MedianOf(string name) => Median.Of(_measured[name]);

    private void Ours(string name, params string[] arguments) => Add(name, MeasuredProcess.OfThis(arguments));

    private void Peer(string name, params string[] arguments) => Add(name, MeasuredProcess.OfPython(peer, arguments));

    private void Add(string name, JsonObject measured)
    {
        foreach (var (key, value) in measured)
        {
            if (value!.GetValueKind() != JsonValueKind.Number)
                continue;
            if (!_measured.TryGetValue($"{name} {key}", out var values))
                _measured.Add($"{name} {key}", values = []);
            values.Add(value.GetValue<double>());
        }
    }
}
