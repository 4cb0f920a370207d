namespace Microsoft.ML.Sla.Search;

/// <summary>Estimates the time of trials with a frozen backbone from measurements. It measures nothing itself.</summary>
/// <param name="space">Makes options of configurations.</param>
/// <param name="images">Returns the number of images of a trial's first training, of the winner's last training, and of all.</param>
/// <param name="outputs">Returns the number of outputs of a configuration's heads, for each view.</param>
/// <param name="secondsPerView">Returns the seconds that a view takes in the network of a configuration.</param>
/// <param name="folds">Number of trainings in a trial.</param>
internal sealed class FrozenCost(
    ConfigurationSpace space, Func<Configuration, (int Training, int Last, int All)> images, Func<Configuration, int> outputs, Func<Configuration, double> secondsPerView, int folds)
{
    /// <summary>Seconds to train heads, and those that each output of each view of each image adds: measured on two cores.</summary>
    private const double SecondsOfHeads = 2, SecondsOfValue = 3.5e-5;

    /// <summary>Number of trainings that choose the penalty of the last training, and the training itself.</summary>
    private const int LastTrainings = 4;

    /// <summary>Seconds of a trial.</summary>
    /// <param name="configuration">The trial's configuration.</param>
    /// <param name="embedded">The views that went through the network before (<see cref="Views"/>). Their embeddings are known.</param>
    public double Of(Configuration configuration, IEnumerable<string> embedded)
    {
        var (training, _, all) = images(configuration);
        return (Views(configuration).Except(embedded).Count() * all * secondsPerView(configuration)) + (folds * Heads(configuration, training));
    }

    /// <summary>Seconds of the winner's last training, with all views embedded.</summary>
    public double OfLast(Configuration configuration) => LastTrainings * Heads(configuration, images(configuration).Last);

    /// <summary>The views of an image that a configuration embeds, each with its network.</summary>
    public IEnumerable<string> Views(Configuration configuration)
    {
        var options = space.Options(configuration);
        string network = $"{options.Architecture}, {space.ShapeOf(options)}";
        var mirror = options.Augmentations.Count > 0 ? TransformationSet.HorizontalFlip.Skip(1) : [];

        // The first view of each set is the image itself, under several names.
        return options.LearnedTransformations.Skip(1).Concat(mirror).Select(view => $"{network}, {view.Name}").Prepend(network);
    }

    private double Heads(Configuration configuration, int count) =>
        SecondsOfHeads + (SecondsOfValue * count * space.Options(configuration).LearnedTransformations.Count * outputs(configuration));
}
