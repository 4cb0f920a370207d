using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// Few-shot learning. Accuracies and differences to the prototypical network, or to a pretrained one, in percent, over the episodes of all seeds, with 95% intervals of
/// the episodes; for differences also in how many seeds the method is ahead.
/// </summary>
internal sealed record FewShotStudy : GridStudy<FewShotRun>
{
    private static readonly Method PrototypicalNetwork = new("prototypical network", "baseline", SlaInference.Single);

    private static readonly Method PretrainedNetwork = new("pretrained network, single", FewShotRun.Backbone, SlaInference.Single);

    private static readonly Method[] Methods =
    [
        PretrainedNetwork,
        new("pretrained network, aggregated", FewShotRun.Backbone, SlaInference.Aggregated),
        PrototypicalNetwork,
        new("views as classes, single", "views-as-classes", SlaInference.Single),
        new("views as classes, aggregated", "views-as-classes", SlaInference.Aggregated),
        new("SLA, single", "sla", SlaInference.Single),
        new("SLA, aggregated", "sla", SlaInference.Aggregated),
    ];

    public override Findings? Find(string file)
    {
        var lines = Studies.Lines.Read<FewShotLine>(file).DistinctBy(line => line.Run).OrderBy(line => line.Run.Seed);
        var settings = lines.GroupBy(line => (line.Run.Data, line.Run.Transformations, line.Run.Episodes))
            .Select(ofSetting => new Setting(ofSetting.Key.Data, ofSetting.Key.Transformations, ofSetting.Key.Episodes, [.. ofSetting])).ToArray();
        var gains = Gains(settings).ToArray();
        return settings.Length == 0 ? null : new Findings(Text(settings), gains.Length == 0 ? null : path => GainFigure.WriteRows(path, Title, gains));
    }

    private static string Text(IReadOnlyCollection<Setting> settings)
    {
        var page = new StringBuilder();
        foreach (var setting in settings)
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"{setting.Data}, {setting.Transformations}, {setting.Lines[0].Architecture}, {setting.Episodes} training episodes, {setting.Seeds} {(setting.Seeds == 1 ? "seed" : "seeds")}:").AppendLine();
            AppendTable(page, setting, "accuracy, %", (size, method) => Percent(Mean(size, method)));
            if (setting.Lines.Any(line => line.Run.Objective != setting.Reference.Objective))
                AppendTable(page, setting, $"difference to the {setting.Reference.Name}, points", (size, method) => Difference(size, method, setting.Reference));
        }

        page.Append("""
            A number after ± is half of the 95 % interval over the episodes of all seeds. Differences are those on the same
            episodes, and say in how many seeds a method is ahead. "Training" is the time of one training, on one thread.

            """);
        if (settings.Any(setting => setting.Reference == PretrainedNetwork))
        {
            page.Append("""
                The pretrained network is ResNet-18 of Microsoft's package. Its outputs for the training photos were kept from earlier
                runs, so the times of trainings are those of reading the photos and of finding the map.

                """);
        }

        return page.ToString();
    }

    private static void AppendTable(StringBuilder page, Setting setting, string title, Func<Size, Method, string> cell)
    {
        var sizes = setting.Sizes().ToArray();
        page.AppendLine($"| {title} | {string.Join(" | ", sizes.Select(size => $"{size.Ways}-way {size.Shots}-shot"))} | training |");
        page.AppendLine($"| --- |{string.Concat(sizes.Select(_ => " --- |"))} --- |");
        foreach (var method in Methods.Where(method => setting.Lines.Any(line => line.Run.Objective == method.Objective)))
        {
            double seconds = setting.Lines.Where(line => line.Run.Objective == method.Objective).Average(line => line.Seconds);
            page.AppendLine($"| {method.Name} | {string.Join(" | ", sizes.Select(size => cell(size, method)))} | {seconds.ToString("F0", CultureInfo.InvariantCulture)} s |");
        }

        page.AppendLine();
    }

    /// <summary>The differences to the reference, with the intervals of the episodes, where more than one seed was run.</summary>
    private static IEnumerable<(string, Estimate)> Gains(IEnumerable<Setting> settings) =>
        from setting in settings
        where setting.Seeds > 1
        from size in setting.Sizes()
        from method in Methods.Where(method => method.Inference == SlaInference.Aggregated)
        let differences = Differences(size, method, setting.Reference)
        where differences.Length > 0
        let difference = new EpisodeMean([.. differences.SelectMany(seed => seed.Values)])
        select ($"{setting.Data}, {size.Ways}-way {size.Shots}-shot: {method.Name}", new Estimate(100 * difference.Mean, 100 * difference.HalfWidth));

    private static EpisodeMean Mean(Size size, Method method) => new([.. size.Of(method).SelectMany(measured => measured.Scores.Accuracies(method.Inference))]);

    private static string Difference(Size size, Method method, Method reference)
    {
        var seeds = Differences(size, method, reference);
        if (method == reference || seeds.Length == 0)
            return "";

        var all = new EpisodeMean([.. seeds.SelectMany(seed => seed.Values)]);
        return $"{(all.Mean > 0 ? "+" : "")}{Percent(all)} ({seeds.Count(seed => seed.Mean > 0)} of {seeds.Length})";
    }

    /// <summary>The differences to the reference, seed by seed.</summary>
    private static EpisodeMean[] Differences(Size size, Method method, Method reference) =>
    [
        .. size.Of(method).Join(
            size.Of(reference),
            measured => measured.Seed,
            measured => measured.Seed,
            (own, other) => Mean(own.Scores, method).Minus(Mean(other.Scores, reference))),
    ];

    private static EpisodeMean Mean(EpisodeScores scores, Method method) => new([.. scores.Accuracies(method.Inference)]);

    private static string Percent(EpisodeMean value) => string.Create(CultureInfo.InvariantCulture, $"{100 * value.Mean:F1} ± {100 * value.HalfWidth:F1}");

    /// <summary>How an embedding was trained, and is used.</summary>
    private sealed record Method(string Name, string Objective, SlaInference Inference);

    /// <summary>Trainings that differ in objective and seed.</summary>
    private sealed record Setting(string Data, string Transformations, int Episodes, IReadOnlyList<FewShotLine> Lines)
    {
        /// <summary>What the others are compared with.</summary>
        public Method Reference => Lines.Any(line => line.Run.Objective == PretrainedNetwork.Objective) ? PretrainedNetwork : PrototypicalNetwork;

        public int Seeds => Lines.Select(line => line.Run.Seed).Distinct().Count();

        public IEnumerable<Size> Sizes() =>
            from line in Lines
            from scores in line.Sizes
            group (line.Run.Objective, line.Run.Seed, scores) by (scores.Ways, scores.Shots) into ofSize
            orderby ofSize.Key
            select new Size(ofSize.Key.Ways, ofSize.Key.Shots, [.. ofSize]);
    }

    /// <summary>What was measured on episodes of one size, by the objective and the seed of the training.</summary>
    private sealed record Size(int Ways, int Shots, IReadOnlyList<(string Objective, int Seed, EpisodeScores Scores)> Measured)
    {
        public IEnumerable<(string Objective, int Seed, EpisodeScores Scores)> Of(Method method) => Measured.Where(measured => measured.Objective == method.Objective);
    }
}
