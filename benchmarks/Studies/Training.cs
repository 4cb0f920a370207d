using System.Diagnostics;
using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Studies;

/// <summary>Trains a run and measures what its networks score.</summary>
internal static class Training
{
    public const string Program = "Microsoft.ML.Sla";

    private const double LeastProbability = 1e-15;

    public static Line Measure(Run run, Arguments arguments)
    {
        var images = Images.Of(run, arguments);
        int[] labels = [.. images.Test.GetColumn<uint>("Label").Select(key => (int)key - 1)];
        double seconds = 0, processorSeconds = 0, loss = 0;
        var inferences = new Dictionary<string, Scores>();
        float[][]? sum = null;
        for (int member = 0; member < run.Members; member++)
        {
            var clock = Stopwatch.StartNew();
            double before = ProcessorSeconds();
            using var model = images.MLContext.MulticlassClassification.Trainers.Sla(run.Options(member)).Fit(images.Training);
            (seconds, processorSeconds) = (seconds + clock.Elapsed.TotalSeconds, processorSeconds + ProcessorSeconds() - before);
            if (member == 0)
                loss = model.TrainingHistory.Epochs[^1].Loss;

            if (run.Members == 1)
            {
                foreach (var inference in model.Inferences)
                {
                    using var scorer = model.WithInference(inference);
                    var (scores, milliseconds) = Score(scorer, images.Test);
                    inferences[$"{inference}"] = Compare(scores, labels, milliseconds);
                }
            }
            else
            {
                var (scores, milliseconds) = Score(model, images.Test);
                sum = sum is null ? scores : [.. sum.Zip(scores, Add)];
                float[][] mean = [.. sum.Select(row => row.Select(value => value / (member + 1)).ToArray())];
                inferences[$"{StudyRow.Ensemble}{member + 1}"] = Compare(mean, labels, milliseconds * (member + 1));
            }
        }

        string version = typeof(SlaTrainer).Assembly.GetName().Version!.ToString(3);
        return new Line(run, $"{Program} {version}", seconds, processorSeconds, loss, inferences, Lines.Machine);
    }

    /// <summary>The probabilities of every image, and the processor time of one.</summary>
    private static (float[][] Scores, double Milliseconds) Score(SlaTransformer model, IDataView images)
    {
        double before = ProcessorSeconds();
        float[][] scores = [.. model.Transform(images).GetColumn<float[]>("Score")];
        return (scores, 1000 * (ProcessorSeconds() - before) / scores.Length);
    }

    private static Scores Compare(float[][] scores, int[] labels, double milliseconds)
    {
        double right = 0, logLoss = 0;
        foreach (var (row, label) in scores.Zip(labels))
        {
            right += Array.IndexOf(row, row.Max()) == label ? 1 : 0;
            logLoss -= Math.Log(Math.Max(row[label], LeastProbability));
        }

        return new Scores(right / labels.Length, logLoss / labels.Length, milliseconds);
    }

    private static float[] Add(float[] a, float[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static double ProcessorSeconds()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }
}
