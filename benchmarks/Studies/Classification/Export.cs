using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Studies;

/// <summary>What a run trains on, as a safetensors file that <c>sla_pytorch.py</c> reads: images, labels, and their order in every epoch.</summary>
internal static class Export
{
    /// <returns>The file.</returns>
    public static string Write(TrainingRun run, Arguments arguments, string folder)
    {
        var images = DataSet.Of(run, arguments);
        var (shape, pixels) = DataSet.Read(run, images);
        var training = Read(images.Training, pixels);
        var test = Read(images.Test, pixels);
        long[] order = [.. Enumerable.Range(1, run.Epochs).SelectMany(epoch => Order(run, epoch, training.Labels.Length))];
        (string Name, string Type, long[] Shape, byte[] Values)[] tensors =
        [
            ("train.images", "U8", [training.Labels.Length, .. shape], training.Pixels),
            ("train.labels", "I64", [training.Labels.Length], Bytes(training.Labels)),
            ("test.images", "U8", [test.Labels.Length, .. shape], test.Pixels),
            ("test.labels", "I64", [test.Labels.Length], Bytes(test.Labels)),
            ("order", "I64", [run.Epochs, order.Length / run.Epochs], Bytes(order)),
        ];
        Directory.CreateDirectory(folder);
        string name = $"{run.Objective}-{run.ImagesPerClass}-{run.Epochs}-seed{run.Seed}.safetensors";
        string file = Path.Combine(folder, name);
        WriteFile(file, tensors, Metadata(run));
        return file;
    }

    /// <summary>The rows of an epoch's steps, as the trainer draws them.</summary>
    private static IEnumerable<long> Order(TrainingRun run, int epoch, int rows) =>
        EpochSampler.Order(Enumerable.Range(0, rows), run.TrainingSeed(member: 0), epoch).Take(run.StepsPerEpoch * run.BatchSize).Select(row => (long)row);

    private static (byte[] Pixels, long[] Labels) Read(IDataView rows, Func<IDataView, IEnumerable<byte[]>> pixels) =>
        ([.. pixels(rows).SelectMany(image => image)], [.. rows.GetColumn<uint>("Label").Select(key => key - 1L)]);

    private static JsonObject Metadata(TrainingRun run)
    {
        var options = run.Options(member: 0);
        var settings = new
        {
            objective = $"{options.Objective}",
            transformations = options.Transformations.Name == "none" ? "rotation" : options.Transformations.Name,
            viewsPerStep = options.ViewsPerStep,
            architecture = options.Architecture.Name,
            batchSize = options.BatchSize,
            epochs = options.Epochs,
            learningRate = options.LearningRate,
            weightDecay = options.WeightDecay,
            momentum = options.Momentum,
            seed = options.Seed,
        };
        return new JsonObject { ["run"] = JsonSerializer.Serialize(run, Lines.Json), ["settings"] = JsonSerializer.Serialize(settings) };
    }

    private static byte[] Bytes(long[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private static void WriteFile(string file, (string Name, string Type, long[] Shape, byte[] Values)[] tensors, JsonObject metadata)
    {
        var header = new JsonObject { ["__metadata__"] = metadata };
        long offset = 0;
        foreach (var (name, type, shape, values) in tensors)
        {
            header[name] = JsonSerializer.SerializeToNode(new { dtype = type, shape, data_offsets = new[] { offset, offset + values.Length } });
            offset += values.Length;
        }

        byte[] text = JsonSerializer.SerializeToUtf8Bytes(header);
        byte[] length = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)text.Length);
        using var stream = File.Create(file);
        stream.Write(length);
        stream.Write(text);
        foreach (var (_, _, _, values) in tensors)
            stream.Write(values);
    }
}
