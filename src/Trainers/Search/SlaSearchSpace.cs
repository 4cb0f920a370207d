using Microsoft.ML.Sla.Search;

namespace Microsoft.ML.Sla;

/// <summary>
/// The choices of an <see cref="SlaExperiment"/>: named dimensions, each of which sets something in <see cref="SlaTrainer.Options"/>. A new
/// search space has the dimensions of the table. The experiment sets dimensions in their order; added ones come last.
/// </summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Dimension</term><description>Values</description></listheader>
/// <item><term>Transformations</term><description>none, rotation2, rotation, hflip, vflip, color3, color, rotation+color3. The search drops those that are not possible for the images.</description></item>
/// <item><term>Objective</term><description>SlaSelfDistillation, Sla, MultiTask, DataAugmentation, Baseline. The search drops those that do not define the inference set by SetMetric.</description></item>
/// <item><term>Architecture</term><description>cifar-resnet-8, -14, -20, -8-2 and -14-2 (depth, and width where it is not 1), conv-net-64. Of no effect with a backbone.</description></item>
/// <item><term>Backbone</term><description>
/// none (the network is trained from scratch), resnet18 (<see cref="Architecture.PretrainedResNet18"/>, unchanged, on images of 224 x 224 pixels unless the
/// options of the experiment give a size). The search drops resnet18 for images that do not look like photos (<see cref="RecommendedOptions.LookLikePhotos"/>),
/// where the options or this search space name the network, and where the program does not have its file. <see cref="AddBackbone"/> adds other networks.
/// </description></item>
/// <item><term>LearningRate</term><description>0.02 to 0.4, logarithmic. Of no effect with a backbone.</description></item>
/// <item><term>WeightDecay</term><description>5e-5 to 2e-3, logarithmic. Of no effect with a backbone.</description></item>
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
    /// <param name="name">The name of the dimension.</param>
    /// <param name="choices">Name of each choice, and an action that sets it in the options.</param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">There is already a dimension of that name, there is no choice, or two choices have the same name.</exception>
    public SlaSearchSpace Add(string name, params (string Name, Action<SlaTrainer.Options> Set)[] choices)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(choices);
        if (choices.Length == 0 || choices.DistinctBy(choice => choice.Name).Count() < choices.Length)
            throw new ArgumentException($"The dimension '{name}' needs one choice or more, each with a different name.", nameof(choices));
        return Add(new ChoiceDimension(name, [.. choices.Select(choice => new Choice(choice.Name, choice.Set))]));
    }

    /// <summary>Adds a dimension of numbers.</summary>
    /// <param name="name">The name of the dimension.</param>
    /// <param name="lowest">The lowest value; above 0 for a logarithmic dimension.</param>
    /// <param name="highest">The highest value, above the lowest.</param>
    /// <param name="set">Sets a value in the options.</param>
    /// <param name="isLogarithmic">Whether the logarithm of the value, and not the value, is uniformly distributed. Default true.</param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">There is already a dimension of that name, or the range is invalid.</exception>
    public SlaSearchSpace Add(string name, double lowest, double highest, Action<SlaTrainer.Options, double> set, bool isLogarithmic = true)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(set);
        if (!(lowest < highest && double.IsFinite(highest) && (lowest > 0 || !isLogarithmic)))
        {
            throw new ArgumentException(
                FormattableString.Invariant($"The dimension '{name}' cannot run from {lowest} to {highest}: the highest value must be above the lowest{(isLogarithmic ? ", and both above 0" : "")}."),
                nameof(highest));
        }

        return Add(new RangeDimension(name, lowest, highest, isLogarithmic, set));
    }

    /// <summary>
    /// Adds a pretrained network to the dimension Backbone. Trials with it keep the network unchanged (<see cref="BackboneTraining.Frozen"/>). The search
    /// tries it on images of any kind. A choice of the same name is replaced.
    /// </summary>
    /// <param name="name">The name of the choice. It must not be <c>none</c>.</param>
    /// <param name="architecture">The network with its weights: <see cref="Architecture.FromOnnx"/> or <see cref="Architecture.PretrainedResNet18"/>.</param>
    /// <param name="side">
    /// Width and height in pixels to which images are resized for this network, above 0. Default null: the size in the options of the experiment or,
    /// without one, 224 pixels.
    /// </param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">The network has no weights, the name cannot be used, or the dimension was removed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The side is not above 0.</exception>
    public SlaSearchSpace AddBackbone(string name, Architecture architecture, int? side = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(architecture);
        SlaTrainer.Options.Require(side is null or > 0, nameof(side), side, "above 0, or null");
        if (name.Equals(BackboneChoice.None.Name, StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"The choice '{BackboneChoice.None.Name}' is a training from scratch. Give the network another name.", nameof(name));
        if (architecture.InitialWeights is null)
            throw new ArgumentException($"'{architecture}' has no weights. Give a pretrained network: Architecture.FromOnnx(path) or Architecture.PretrainedResNet18().", nameof(architecture));

        int index = IndexOf(StandardDimensions.Backbone);
        var dimension = (ChoiceDimension)_dimensions[index];
        var others = dimension.Choices.Where(choice => !choice.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        _dimensions[index] = dimension with { Choices = [.. others, BackboneChoice.Of(name, architecture, side)] };
        return this;
    }

    /// <summary>Fixes a dimension to one value, which every trial has.</summary>
    /// <param name="name">The name of the dimension.</param>
    /// <param name="value">The name of a choice, or a number (invariant culture), which may lie outside of the range.</param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">There is no dimension of that name, or it has no such value.</exception>
    public SlaSearchSpace Fix(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        int index = IndexOf(name);
        _dimensions[index] = _dimensions[index].FixedTo(value);
        return this;
    }

    /// <summary>Removes a dimension. The options of the experiment then decide its value.</summary>
    /// <param name="name">The name of the dimension.</param>
    /// <returns>This search space.</returns>
    /// <exception cref="ArgumentException">There is no dimension of that name.</exception>
    public SlaSearchSpace Remove(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
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
