using Microsoft.ML.Sla.Search;

namespace Microsoft.ML.Sla;

/// <summary>
/// What an <see cref="SlaExperiment"/> chooses from: dimensions by name, each of which sets something of
/// <see cref="SlaTrainer.Options"/>. A new one has those of the table, in this order; later ones are set after earlier ones.
/// </summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Dimension</term><description>Values</description></listheader>
/// <item><term>Transformations</term><description>none, rotation2, rotation, hflip, vflip, color3, color, rotation+color3. Those that are not possible for the images drop out.</description></item>
/// <item><term>Objective</term><description>SlaSelfDistillation, Sla, MultiTask, DataAugmentation, Baseline. Those without the inference of the metric drop out.</description></item>
/// <item><term>Architecture</term><description>cifar-resnet-8, -14, -20, -8-2 and -14-2 (depth, and width where it is not 1), conv-net-64.</description></item>
/// <item><term>LearningRate</term><description>0.02 to 0.4, logarithmic.</description></item>
/// <item><term>WeightDecay</term><description>5e-5 to 2e-3, logarithmic.</description></item>
/// <item><term>Augmentation</term><description>none, crop, crop+flip, color-jitter (crop, flip and colour jitter), strong (crop, flip, colour jitter and cutout).</description></item>
/// <item><term>Temperature</term><description>1, 2, 4.</description></item>
/// <item><term>ViewsPerStep</term><description>2, all.</description></item>
/// </list>
/// </remarks>
public sealed class SlaSearchSpace
{
    private readonly List<Dimension> _dimensions = [.. StandardDimensions.All()];

    /// <summary>The names of the dimensions, in order.</summary>
    public IReadOnlyList<string> Names => [.. _dimensions.Select(dimension => dimension.Name)];

    /// <summary>The dimensions, in order.</summary>
    internal IReadOnlyList<Dimension> Dimensions => [.. _dimensions];

    /// <summary>Adds a dimension of choices.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="choices">Name of each choice, and what it sets.</param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">There is a dimension of that name, there is no choice, or two have one name.</exception>
    public SlaSearchSpace Add(string name, params (string Name, Action<SlaTrainer.Options> Set)[] choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        if (choices.Length == 0 || choices.DistinctBy(choice => choice.Name).Count() < choices.Length)
            throw new ArgumentException($"The dimension '{name}' needs one choice or more, each with a name of its own.", nameof(choices));
        return Add(new ChoiceDimension(name, choices));
    }

    /// <summary>Adds a dimension of numbers.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="lowest">The lowest value; above 0 where it is logarithmic.</param>
    /// <param name="highest">The highest value, above the lowest.</param>
    /// <param name="set">What a value sets.</param>
    /// <param name="isLogarithmic">Whether all magnitudes are equally likely, and not all values. Default true.</param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">There is a dimension of that name, or the range is none.</exception>
    public SlaSearchSpace Add(string name, double lowest, double highest, Action<SlaTrainer.Options, double> set, bool isLogarithmic = true)
    {
        ArgumentNullException.ThrowIfNull(set);
        if (!(lowest < highest && double.IsFinite(highest) && (lowest > 0 || !isLogarithmic)))
        {
            throw new ArgumentException(
                FormattableString.Invariant($"The dimension '{name}' cannot run from {lowest} to {highest}: the highest value must be above the lowest{(isLogarithmic ? ", and both above 0" : "")}."),
                nameof(highest));
        }

        return Add(new RangeDimension(name, lowest, highest, isLogarithmic, set));
    }

    /// <summary>Gives a dimension one value, which every trial has.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The name of a choice, or a number (invariant culture), which may lie outside of the range.</param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">There is no such dimension, or no such value of it.</exception>
    public SlaSearchSpace Fix(string name, string value)
    {
        int index = IndexOf(name);
        _dimensions[index] = _dimensions[index].FixedTo(value);
        return this;
    }

    /// <summary>Takes a dimension out. The options of the experiment decide then what it would set.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">There is no such dimension.</exception>
    public SlaSearchSpace Remove(string name)
    {
        _dimensions.RemoveAt(IndexOf(name));
        return this;
    }

    /// <summary>The dimensions with their values.</summary>
    public override string ToString() => string.Join("; ", _dimensions);

    private SlaSearchSpace Add(Dimension dimension)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(dimension.Name, nameof(dimension));
        if (Names.Contains(dimension.Name))
            throw new ArgumentException($"There is a dimension '{dimension.Name}' already: remove it first.");
        _dimensions.Add(dimension);
        return this;
    }

    private int IndexOf(string name)
    {
        int index = _dimensions.FindIndex(dimension => dimension.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        return index >= 0 ? index : throw new ArgumentException($"There is no dimension '{name}'. There are {string.Join(", ", Names)}.", nameof(name));
    }
}
