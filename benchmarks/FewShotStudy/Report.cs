using System.Globalization;
using Microsoft.ML.Sla;
using Microsoft.ML.Sla.Studies;

namespace FewShotStudy;

/// <summary>The tables of the measurements.</summary>
internal static class Report
{
    private static readonly (string Name, FewShotObjective Objective, SlaInference Inference)[] Methods =
    [
        ("prototypical network", FewShotObjective.Baseline, SlaInference.Single),
        ("views as classes, single", FewShotObjective.ViewsAsClasses, SlaInference.Single),
        ("views as classes, aggregated", FewShotObjective.ViewsAsClasses, SlaInference.Aggregated),
        ("SLA, single", FewShotObjective.Sla, SlaInference.Single),
        ("SLA, aggregated", FewShotObjective.Sla, SlaInference.Aggregated),
    ];

    /// <summary>
    /// Accuracies and differences to the prototypical network in percent, over the episodes of all seeds, with 95% intervals of the
    /// episodes; for differences also in how many seeds the method is ahead.
    /// </summary>
    public static void Write(IEnumerable<Measurement> measurements, TextWriter output)
    {
        foreach (var study in measurements.GroupBy(line => (line.Study, line.Transformations, line.TrainingEpisodes)))
        {
            var sizes = study.GroupBy(line => (line.Ways, line.Shots)).OrderBy(size => size.Key).ToList();
            int seeds = study.Select(line => line.Seed).Distinct().Count();
            output.WriteLine($"{study.Key.Study}, {study.Key.Transformations}, {study.First().Architecture}, {study.Key.TrainingEpisodes} training episodes, {seeds} seeds\n");
            Table("accuracy, %", size => method => Percent(Mean(size, method)));
            Table("difference to the prototypical network, points", size => method => Difference(size, method));

            void Table(string title, Func<IEnumerable<Measurement>, Func<(string, FewShotObjective, SlaInference), string>> cell)
            {
                output.WriteLine($"| {title} | {string.Join(" | ", sizes.Select(size => $"{size.Key.Ways}-way {size.Key.Shots}-shot"))} | training |");
                output.WriteLine($"| --- |{string.Concat(sizes.Select(_ => " --- |"))} --- |");
                foreach (var method in Methods.Where(method => study.Any(line => line.Objective == method.Objective)))
                {
                    double seconds = study.Where(line => line.Objective == method.Objective).Average(line => line.Seconds);
                    output.WriteLine($"| {method.Name} | {string.Join(" | ", sizes.Select(size => cell(size)(method)))} | {seconds.ToString("F0", CultureInfo.InvariantCulture)} s |");
                }

                output.WriteLine();
            }
        }
    }

    /// <summary>Draws the differences to the prototypical network, with the intervals of the episodes, where more than one seed was run.</summary>
    /// <param name="measurements">The measurements.</param>
    /// <param name="path">Path of the files, without extension.</param>
    public static void WriteFigure(IEnumerable<Measurement> measurements, string path) => GainFigure.WriteRows(path, "Few-shot accuracy, over a prototypical network",
    [
        .. from study in measurements.GroupBy(line => (line.Study, line.Transformations, line.TrainingEpisodes))
           where study.Select(line => line.Seed).Distinct().Count() > 1
           from size in study.GroupBy(line => (line.Ways, line.Shots)).OrderBy(size => size.Key)
           from method in Methods.Where(method => method.Inference == SlaInference.Aggregated)
           let difference = new EpisodeMean([.. Differences(size, method).SelectMany(seed => seed.Values)])
           select ($"{study.Key.Study}, {size.Key.Ways}-way {size.Key.Shots}-shot: {method.Name}", new Estimate(100 * difference.Mean, 100 * difference.HalfWidth)),
    ]);

    private static EpisodeMean Mean(IEnumerable<Measurement> size, (string, FewShotObjective Objective, SlaInference Inference) method) =>
        new([.. OfMethod(size, method).SelectMany(line => line.Accuracies(method.Inference))]);

    private static string Difference(IEnumerable<Measurement> size, (string, FewShotObjective, SlaInference) method)
    {
        var seeds = Differences(size, method);
        if (method == Methods[0] || seeds.Length == 0)
            return "";

        var all = new EpisodeMean([.. seeds.SelectMany(seed => seed.Values)]);
        return $"{(all.Mean > 0 ? "+" : "")}{Percent(all)} ({seeds.Count(seed => seed.Mean > 0)} of {seeds.Length})";
    }

    /// <summary>The differences to the prototypical network, seed by seed.</summary>
    private static EpisodeMean[] Differences(IEnumerable<Measurement> size, (string, FewShotObjective, SlaInference) method) =>
    [
        .. OfMethod(size, method).Join(
            OfMethod(size, Methods[0]),
            line => line.Seed,
            line => line.Seed,
            (line, baseline) => Mean([line], method).Minus(Mean([baseline], Methods[0]))),
    ];

    private static IEnumerable<Measurement> OfMethod(IEnumerable<Measurement> size, (string, FewShotObjective Objective, SlaInference) method) =>
        size.Where(line => line.Objective == method.Objective).OrderBy(line => line.Seed);

    private static string Percent(EpisodeMean value) => string.Create(CultureInfo.InvariantCulture, $"{100 * value.Mean:F1} ± {100 * value.HalfWidth:F1}");
}
