using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Studies;

/// <summary>Trains a run and measures what its networks score.</summary>
internal static class Training
{
    /// <summary>Ends the name of an inference in 8 bits.</summary>
    private const string Int8 = ", 8 bits";

    private const double LeastProbability = 1e-15;

    public static TrainingLine Measure(TrainingRun run, Arguments arguments)
    {
        var images = DataSet.Of(run, arguments);
        string? weights = run.Pretrained is null ? null : Weights(run.Pretrained, arguments);
        double seconds = 0, processorSeconds = 0, loss = 0, epochs = 0;
        var inferences = new Dictionary<string, Scores>();
        float[][]? sum = null;
        string checkpoints = CheckpointFolder(run, arguments);
        bool isResumed = Directory.Exists(checkpoints);
        for (int member = 0; member < run.Members; member++)
        {
            var clock = Stopwatch.StartNew();
            double before = ProcessorSeconds();
            using var model = Train(run, member, images, weights, arguments);
            (seconds, processorSeconds) = (seconds + clock.Elapsed.TotalSeconds, processorSeconds + ProcessorSeconds() - before);
            if (member == 0)
                (loss, epochs) = (model.TrainingHistory.Epochs[^1].Loss, (double)model.TrainingHistory.Epochs[^1].Step * run.BatchSize / run.TrainingImages);

            if (run.Members == 1)
            {
                MeasureInferences(run, model, images, inferences);
            }
            else
            {
                var scored = Score(model, images.Test);
                sum = sum is null ? scored.Scores : [.. sum.Zip(scored.Scores, Add)];
                float[][] mean = [.. sum.Select(row => row.Select(value => value / (member + 1)).ToArray())];
                inferences[$"{StudyRow.Ensemble}{member + 1}"] = Compare(run, images.Test, mean, scored.Milliseconds * (member + 1));
            }
        }

        if (run.Resume == true)
            Directory.Delete(checkpoints, recursive: true);
        return new TrainingLine(run, inferences, isResumed ? null : seconds, isResumed ? null : processorSeconds, loss, epochs);
    }

    private static SlaTransformer Train(TrainingRun run, int member, Images images, string? weights, Arguments arguments)
    {
        var options = run.Options(member, weights);
        if (run.Resume == true)
            (options.CheckpointFolder, options.Resume) = (CheckpointFolder(run, arguments), true);
        var model = images.MLContext.MulticlassClassification.Trainers.Sla(options).Fit(images.Training);
        if (run.KeepModel == true)
            Save(model, images, ModelFile(run, arguments));
        return model;
    }

    private static void MeasureInferences(TrainingRun run, SlaTransformer model, Images images, Dictionary<string, Scores> inferences)
    {
        foreach (var inference in model.Inferences)
        {
            using var scorer = model.WithInference(inference);
            inferences[$"{inference}"] = Measure(run, scorer, images.Test);
            if (run.Int8 != true)
                continue;

            using var rounded = scorer.ToInt8(images.Training);
            inferences[$"{inference}{Int8}"] = Measure(run, rounded, images.Test);
        }
    }

    private static Scores Measure(TrainingRun run, SlaTransformer model, IDataView images)
    {
        var clock = Stopwatch.StartNew();
        var scored = Score(model, images);
        return Compare(run, images, scored.Scores, scored.Milliseconds) with { Seconds = clock.Elapsed.TotalSeconds };
    }

    /// <summary>The probabilities of every image, and the processor time of one.</summary>
    private static (float[][] Scores, double Milliseconds) Score(SlaTransformer model, IDataView images)
    {
        double before = ProcessorSeconds();
        float[][] scores = [.. model.Transform(images).GetColumn<float[]>("Score")];
        return (scores, 1000 * (ProcessorSeconds() - before) / scores.Length);
    }

    private static Scores Compare(TrainingRun run, IDataView images, float[][] scores, double milliseconds)
    {
        int[] labels = [.. images.GetColumn<uint>("Label").Select(key => (int)key - 1)];
        bool[] right = [.. scores.Zip(labels, (row, label) => Array.IndexOf(row, row.Max()) == label)];
        double logLoss = scores.Zip(labels, (row, label) => -Math.Log(Math.Max(row[label], LeastProbability))).Average();
        double[]? recalls = run.Ratio is null
            ? null
            : [.. labels.Zip(right).GroupBy(image => image.First).OrderBy(ofClass => ofClass.Key).Select(ofClass => ofClass.Average(image => image.Second ? 1.0 : 0.0))];
        return new Scores(right.Count(isRight => isRight) / (double)labels.Length, logLoss, milliseconds, Recalls: recalls);
    }

    /// <summary>The file of a run's model, which is trained where it is not there.</summary>
    private static string Weights(TrainingRun run, Arguments arguments)
    {
        string file = ModelFile(run, arguments);
        if (!File.Exists(file))
            Train(run with { KeepModel = true }, member: 0, DataSet.Of(run, arguments), weights: null, arguments).Dispose();
        return file;
    }

    private static void Save(SlaTransformer model, Images images, string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        string part = $"{file}.{Environment.ProcessId}";
        images.MLContext.Model.Save(model, images.Training.Schema, part);
        File.Move(part, file, overwrite: true);
    }

    private static string ModelFile(TrainingRun run, Arguments arguments) => Path.Combine(arguments.ArtifactsOf("models"), $"{NameOf(run with { KeepModel = true })}.zip");

    private static string CheckpointFolder(TrainingRun run, Arguments arguments) => Path.Combine(arguments.ArtifactsOf("checkpoints"), NameOf(run));

    /// <summary>A name for the files of a run.</summary>
    private static string NameOf(TrainingRun run) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(run, Lines.Json)))[..16];

    private static float[] Add(float[] a, float[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static double ProcessorSeconds()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }
}
