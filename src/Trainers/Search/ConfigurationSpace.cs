using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>The configurations that a search can try, and the trainer options of each.</summary>
/// <param name="dimensions">The dimensions to choose values for.</param>
/// <param name="baseOptions">The options of the experiment.</param>
/// <param name="shape">Shape of the images under the options of the experiment.</param>
/// <param name="objectionTo">Returns why a training with given options is impossible; null if it is possible.</param>
internal sealed class ConfigurationSpace(IReadOnlyList<Dimension> dimensions, SlaTrainer.Options baseOptions, ImageShape shape, Func<SlaTrainer.Options, string?> objectionTo)
{
    /// <summary>The probability that a drawn value replaces that of the start. It is low, because good configurations are near the defaults.</summary>
    private const double DrawnShare = 0.3;

    /// <summary>The configuration that leaves the options unchanged.</summary>
    public Configuration Default => Canonical([]);

    /// <summary>The default configuration with each network. Empty if the network is not searched.</summary>
    public IEnumerable<Configuration> ByArchitecture() =>
        Searched(StandardDimensions.Architecture)?.Choices.Select(choice => Canonical(new() { [StandardDimensions.Architecture] = choice.Name })) ?? [];

    /// <summary>The default configuration with each backbone, those that stay unchanged first. The default one alone if the backbone is not searched.</summary>
    public IEnumerable<Configuration> ByBackbone()
    {
        var ofChoices = Searched(StandardDimensions.Backbone)?.Choices.Select(choice => Canonical(new() { [StandardDimensions.Backbone] = choice.Name })) ?? [];
        return ofChoices.Prepend(Default).DistinctBy(configuration => $"{configuration}").OrderByDescending(IsFrozen);
    }

    /// <summary>A configuration with each other objective. Empty if the objective is not searched.</summary>
    public IEnumerable<Configuration> ByObjective(Configuration start) => Searched(StandardDimensions.Objective)?.Choices
        .Select(choice => Canonical(new(start.Values) { [StandardDimensions.Objective] = choice.Name }))
        .DistinctBy(configuration => $"{configuration}")
        .Where(configuration => $"{configuration}" != $"{start}") ?? [];

    /// <summary>A configuration with each other set of transformations. Empty if transformations are not searched.</summary>
    public IEnumerable<Configuration> ByTransformations(Configuration start)
    {
        if (Searched(StandardDimensions.Transformations) is not { } sets)
            return [];

        // The objective Baseline learns from one view and ignores the set, so these configurations need another objective.
        var values = new Dictionary<string, string>(start.Values);
        if (Options(start).Objective == SlaObjective.Baseline && Searched(StandardDimensions.Objective)?.Choices.Select(choice => choice.Name).FirstOrDefault(name => name != $"{SlaObjective.Baseline}") is { } objective)
            values[StandardDimensions.Objective] = objective;
        return sets.Choices
            .Select(choice => Canonical(new(values) { [sets.Name] = choice.Name }))
            .Where(configuration => Views(configuration) != Views(start))
            .DistinctBy(Views);
    }

    /// <summary>
    /// A configuration with the strongest base augmentation. If that mirrors images at random, also the configuration with the strongest augmentation
    /// that does not. The result does not include the given configuration. Empty if the augmentation is not searched.
    /// </summary>
    public IEnumerable<Configuration> ByAugmentation(Configuration start) => Searched(StandardDimensions.Augmentation) is not { } augmentations ? [] : augmentations.Choices
        .Reverse()
        .Select(choice => Augmented(start, choice.Name))
        .DistinctBy(IsMirrored)
        .Where(augmented => $"{augmented}" != $"{start}");

    /// <summary>Whether a configuration has the strongest base augmentation.</summary>
    public bool IsStronglyAugmented(Configuration configuration) => Searched(StandardDimensions.Augmentation) is { } augmentations
        && $"{Augmented(configuration, augmentations.Choices[^1].Name)}" == $"{configuration}";

    /// <summary>The base augmentation of a configuration.</summary>
    public string Augmentation(Configuration configuration) => string.Join(", ", Options(configuration).Augmentations);

    /// <summary>Draws a configuration.</summary>
    /// <param name="random">The source of random numbers.</param>
    /// <param name="start">The configuration that supplies the values that are not drawn. Its transformations and its backbone are always kept.</param>
    public Configuration Draw(Random random, Configuration start)
    {
        var values = new Dictionary<string, string>(start.Values);
        foreach (var dimension in dimensions.Where(dimension => dimension.Fixed is null && dimension.Name is not (StandardDimensions.Transformations or StandardDimensions.Backbone)))
        {
            // Drawn even if it is not used, so that the value of one dimension does not depend on whether another is replaced.
            string value = dimension.Draw(random);
            if (random.NextDouble() < DrawnShare)
                values[dimension.Name] = value;
        }

        return Canonical(values);
    }

    /// <summary>The options of a configuration.</summary>
    public SlaTrainer.Options Options(Configuration configuration)
    {
        var options = baseOptions.Clone();
        foreach (var dimension in dimensions)
        {
            if (configuration.Values.TryGetValue(dimension.Name, out string? value))
                dimension.Set(options, value);
        }

        options.ViewsPerStep = options.ViewsPerStep is { } views
            ? Math.Min(views, options.Transformations.Count)
            : RecommendedOptions.ViewsPerStep(options.Transformations);

        if (options.BackboneTraining == BackboneTraining.Frozen)
            options.Augmentations = UsedByFrozenTraining(options);
        else if (TrainerHost.MirrorsViews(options.Augmentations, options.Transformations, ShapeOf(options)))
            options.Augmentations = [.. options.Augmentations.Where(augmentation => augmentation is not HorizontalFlip)];
        return options;
    }

    /// <summary>The shape of the images under given options.</summary>
    public ImageShape ShapeOf(SlaTrainer.Options options) => ShapeOf(options, shape);

    /// <summary>The shape of the images under given options.</summary>
    /// <param name="options">The options.</param>
    /// <param name="first">The shape of the first image, which all have where the options give no size.</param>
    public static ImageShape ShapeOf(SlaTrainer.Options options, ImageShape first) => options is { ImageWidth: { } width, ImageHeight: { } height }
        ? new ImageShape(first.Channels, height, width)
        : first;

    /// <summary>Whether a configuration keeps a pretrained backbone unchanged, so that its training has no steps.</summary>
    public bool IsFrozen(Configuration configuration) => Options(configuration).BackboneTraining == BackboneTraining.Frozen;

    /// <summary>A text that is the same for configurations with a frozen backbone that are the same training. On one view, all objectives are.</summary>
    public string EssenceOfFrozen(Configuration configuration)
    {
        var options = Options(configuration);
        if (options.LearnedTransformations.Count == 1)
            (options.Objective, options.Transformations, options.ViewsPerStep) = (SlaObjective.Baseline, TransformationSet.None, 1);
        return Text(options);
    }

    /// <summary>The name of the transformations that a configuration learns from; for the objective Baseline, the set without any.</summary>
    public string Views(Configuration configuration) => Views(Options(configuration));

    /// <summary>Why a configuration cannot be trained; null if it can.</summary>
    public string? Objection(Configuration configuration) => objectionTo(Options(configuration));

    /// <summary>The space without the choices that cannot be trained.</summary>
    /// <param name="dropped">Receives each dropped choice with the reason.</param>
    public ConfigurationSpace WithPossibleChoices(List<string> dropped) => new(
        [.. dimensions
            .Select(dimension => dimension.Fixed is null ? dimension.WithPossibleChoices(value => Objection(new Configuration([KeyValuePair.Create(dimension.Name, value), .. Fixed])), dropped) : dimension)
            .Where(dimension => dimension is not ChoiceDimension { Choices.Count: 0 })],
        baseOptions,
        shape,
        objectionTo);

    private IEnumerable<KeyValuePair<string, string>> Fixed =>
        dimensions.Where(dimension => dimension.Fixed is not null).Select(dimension => KeyValuePair.Create(dimension.Name, dimension.Fixed!));

    private ChoiceDimension? Searched(string name) => dimensions.OfType<ChoiceDimension>().FirstOrDefault(dimension => dimension.Name == name && dimension.Fixed is null);

    /// <summary>A configuration with another base augmentation.</summary>
    private Configuration Augmented(Configuration start, string augmentation) => Canonical(new(start.Values) { [StandardDimensions.Augmentation] = augmentation });

    /// <summary>Whether the base augmentation mirrors images from left to right at random.</summary>
    private bool IsMirrored(Configuration configuration) => Options(configuration).Augmentations.Any(augmentation => augmentation is HorizontalFlip);

    /// <summary>The values in the order of the dimensions, with fixed values and without values that do not affect the training.</summary>
    private Configuration Canonical(Dictionary<string, string> values)
    {
        var ordered = dimensions
            .Select(dimension => (Dimension: dimension, Value: dimension.Fixed ?? values.GetValueOrDefault(dimension.Name)))
            .Where(entry => entry.Value is not null)
            .ToList();
        foreach (var entry in ordered.Where(entry => entry.Dimension.Fixed is null).ToList())
        {
            var (with, without) = (Options(Of(ordered)), Options(Of(ordered.Where(other => other != entry))));
            if (Text(with) == Text(without) || (!entry.Dimension.Matters(with) && Views(with) == Views(without)))
                ordered.Remove(entry);
        }

        return Of(ordered);

        static Configuration Of(IEnumerable<(Dimension Dimension, string? Value)> entries) =>
            new(entries.Select(entry => KeyValuePair.Create(entry.Dimension.Name, entry.Value!)));
    }

    /// <summary>The base augmentation that a training on a frozen backbone uses: the mirror image, and only with a single view.</summary>
    private static IReadOnlyList<ImageAugmentation> UsedByFrozenTraining(SlaTrainer.Options options) => options.LearnedTransformations.Count > 1
        ? []
        : [.. options.Augmentations.Where(augmentation => augmentation is HorizontalFlip)];

    private static string Views(SlaTrainer.Options options) =>
        options is { Objective: not SlaObjective.Baseline, Transformations.Name: var name } ? name : TransformationSet.None.Name;

    /// <summary>All options as text, to compare two sets of options.</summary>
    private static string Text(SlaTrainer.Options options) => string.Join('\n', typeof(SlaTrainer.Options).GetProperties()
        .Select(property => property.GetValue(options))
        .Select(value => value is IEnumerable<object> several and not TransformationSet ? string.Join(", ", several) : $"{value}"));
}
