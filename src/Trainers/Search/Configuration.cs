using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>The values that a trial has, by dimension, in their order; what is not among them is as the options of the experiment say.</summary>
internal sealed class Configuration(IEnumerable<KeyValuePair<string, string>> values)
{
    public IReadOnlyDictionary<string, string> Values { get; } = new Dictionary<string, string>(values);

    public override string ToString() => SlaTrial.NameOf(Values);
}

/// <summary>Makes configurations, and options of them.</summary>
/// <param name="dimensions">The dimensions.</param>
/// <param name="given">The options of the experiment.</param>
/// <param name="shape">Shape of the images.</param>
/// <param name="objectionTo">Why options cannot be; null where they can.</param>
internal sealed class ConfigurationSpace(IReadOnlyList<Dimension> dimensions, SlaTrainer.Options given, ImageShape shape, Func<SlaTrainer.Options, string?> objectionTo)
{
    /// <summary>How likely a dimension is drawn, and not as the options say: good configurations lie near the defaults.</summary>
    private const double ShareDrawn = 0.3;

    /// <summary>The configuration of the options as they are.</summary>
    public Configuration Default => Configured([]);

    /// <summary>The default with each network, as far as the dimension is searched.</summary>
    public IEnumerable<Configuration> ByArchitecture() =>
        Searched(StandardDimensions.Architecture)?.Choices.Select(choice => Configured(new() { [StandardDimensions.Architecture] = choice.Name })) ?? [];

    /// <summary>A configuration with each set of transformations that it does not learn from itself, as far as the dimension is searched.</summary>
    public IEnumerable<Configuration> ByTransformations(Configuration basis)
    {
        if (Searched(StandardDimensions.Transformations) is not { } sets)
            return [];

        // The baseline has one view, whatever the set is.
        var values = new Dictionary<string, string>(basis.Values);
        if (Options(basis).Objective == SlaObjective.Baseline && Searched(StandardDimensions.Objective)?.Choices.Select(choice => choice.Name).FirstOrDefault(name => name != $"{SlaObjective.Baseline}") is { } objective)
            values[StandardDimensions.Objective] = objective;
        return sets.Choices
            .Select(choice => Configured(new(values) { [sets.Name] = choice.Name }))
            .Where(configuration => Views(configuration) != Views(basis))
            .DistinctBy(Views);
    }

    /// <summary>
    /// The configuration with the strongest base augmentation, and, where that mirrors images at random, with the strongest that does not, as far as the
    /// dimension is searched and it is not the configuration itself.
    /// </summary>
    public IEnumerable<Configuration> ByAugmentation(Configuration basis) => Searched(StandardDimensions.Augmentation) is not { } augmentations ? [] : augmentations.Choices
        .Reverse()
        .Select(choice => Augmented(basis, choice.Name))
        .DistinctBy(IsMirrored)
        .Where(augmented => $"{augmented}" != $"{basis}");

    /// <summary>Whether a configuration has the strongest base augmentation.</summary>
    public bool IsStronglyAugmented(Configuration configuration) => Searched(StandardDimensions.Augmentation) is { } augmentations
        && $"{Augmented(configuration, augmentations.Choices[^1].Name)}" == $"{configuration}";

    /// <summary>The base augmentation of a configuration.</summary>
    public string Augmentation(Configuration configuration) => string.Join(", ", Options(configuration).Augmentations);

    /// <summary>Draws a configuration.</summary>
    /// <param name="random">What is drawn from.</param>
    /// <param name="basis">Its values of dimensions that are not drawn: the transformations that were found to be good.</param>
    public Configuration Draw(Random random, Configuration basis)
    {
        var values = new Dictionary<string, string>(basis.Values);
        foreach (var dimension in dimensions.Where(dimension => dimension.Fixed is null && dimension.Name != StandardDimensions.Transformations))
        {
            // Drawn in any case, so that what one dimension is does not depend on whether another is drawn.
            string value = dimension.Draw(random);
            if (random.NextDouble() < ShareDrawn)
                values[dimension.Name] = value;
        }

        return Configured(values);
    }

    /// <summary>The options of a configuration.</summary>
    public SlaTrainer.Options Options(Configuration configuration)
    {
        var options = given.Clone();
        foreach (var dimension in dimensions)
        {
            if (configuration.Values.TryGetValue(dimension.Name, out string? value))
                dimension.Set(options, value);
        }

        options.ViewsPerStep = options.ViewsPerStep is { } views
            ? Math.Min(views, options.Transformations.Count)
            : RecommendedOptions.ViewsPerStep(options.Transformations);

        if (TrainerHost.MirrorsViews(options.Augmentations, options.Transformations, shape))
            options.Augmentations = [.. options.Augmentations.Where(augmentation => augmentation is not HorizontalFlip)];
        return options;
    }

    /// <summary>The set of transformations that a configuration learns from, which for the baseline is that of the image as it is.</summary>
    public string Views(Configuration configuration) => Views(Options(configuration));

    /// <summary>Why a configuration cannot be trained; null where it can.</summary>
    public string? Objection(Configuration configuration) => objectionTo(Options(configuration));

    /// <summary>The space without the choices that are not possible whatever else is chosen.</summary>
    /// <param name="dropped">Receives what was left out, and why.</param>
    public ConfigurationSpace Possible(List<string> dropped) => new(
        [.. dimensions
            .Select(dimension => dimension.Fixed is null ? dimension.Possible(value => Objection(new Configuration([KeyValuePair.Create(dimension.Name, value), .. Fixed])), dropped) : dimension)
            .Where(dimension => dimension is not ChoiceDimension { Choices.Count: 0 })],
        given,
        shape,
        objectionTo);

    private IEnumerable<KeyValuePair<string, string>> Fixed =>
        dimensions.Where(dimension => dimension.Fixed is not null).Select(dimension => KeyValuePair.Create(dimension.Name, dimension.Fixed!));

    private ChoiceDimension? Searched(string name) => dimensions.OfType<ChoiceDimension>().FirstOrDefault(dimension => dimension.Name == name && dimension.Fixed is null);

    /// <summary>A configuration with another base augmentation.</summary>
    private Configuration Augmented(Configuration basis, string augmentation) => Configured(new(basis.Values) { [StandardDimensions.Augmentation] = augmentation });

    /// <summary>Whether the base augmentation mirrors images from left to right at random.</summary>
    private bool IsMirrored(Configuration configuration) => Options(configuration).Augmentations.Any(augmentation => augmentation is HorizontalFlip);

    /// <summary>The values with those that are fixed, in the order of the dimensions, and without those of the others that make no difference.</summary>
    private Configuration Configured(Dictionary<string, string> values)
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

    private static string Views(SlaTrainer.Options options) =>
        options is { Objective: not SlaObjective.Baseline, Transformations.Name: var name } ? name : TransformationSet.None.Name;

    /// <summary>All that options say, as text.</summary>
    private static string Text(SlaTrainer.Options options) => string.Join('\n', typeof(SlaTrainer.Options).GetProperties()
        .Select(property => property.GetValue(options))
        .Select(value => value is IEnumerable<object> several and not TransformationSet ? string.Join(", ", several) : $"{value}"));
}
