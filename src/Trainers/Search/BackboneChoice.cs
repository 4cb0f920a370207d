namespace Microsoft.ML.Sla.Search;

/// <summary>The choices of the dimension Backbone.</summary>
internal static class BackboneChoice
{
    /// <summary>A training from scratch.</summary>
    public static Choice None { get; } = new("none", TrainFromScratch)
    {
        Misfit = subject => subject.Options.BackboneTraining == BackboneTraining.Frozen ? "the options name a frozen backbone" : null,
    };

    /// <summary>Makes the choice of Microsoft's ResNet-18. Its file is read when a search considers it.</summary>
    public static Choice ResNet18()
    {
        var network = new Lazy<Architecture>(() => Architecture.PretrainedResNet18(), LazyThreadSafetyMode.PublicationOnly);
        return new("resnet18", options => Freeze(options, network.Value, side: null)) { Misfit = subject => MisfitOfResNet18(subject, network) };
    }

    /// <summary>A pretrained network.</summary>
    /// <param name="name">The name of the choice.</param>
    /// <param name="architecture">The network with its weights.</param>
    /// <param name="side">Width and height of its images; null for the size in the options or, without one, that of photos.</param>
    public static Choice Of(string name, Architecture architecture, int? side) => new(name, options => Freeze(options, architecture, side))
    {
        Identity = FormattableString.Invariant($"{name}: {architecture.Identity}{(side is null ? "" : $" at {side} pixels")}"),
    };

    private static void TrainFromScratch(SlaTrainer.Options options)
    {
        if (options.BackboneTraining != BackboneTraining.Frozen)
            return;
        options.BackboneTraining = BackboneTraining.Full;
        options.PretrainedPath = null;
        if (options.Architecture.InitialWeights is not null)
            options.Architecture = Architecture.Auto;
    }

    private static void Freeze(SlaTrainer.Options options, Architecture architecture, int? side)
    {
        options.Architecture = architecture;
        options.BackboneTraining = BackboneTraining.Frozen;
        options.PretrainedPath = null;
        if (side is not null || options.ImageWidth is null)
            (options.ImageWidth, options.ImageHeight) = (side ?? RecommendedOptions.PhotoSide, side ?? RecommendedOptions.PhotoSide);
    }

    private static string? MisfitOfResNet18(SearchSubject subject, Lazy<Architecture> network)
    {
        if (!subject.IsNetworkSearched || subject.Options.PretrainedPath is not null || subject.Options.BackboneTraining == BackboneTraining.Frozen)
            return "the options or the search space name the network";

        var images = subject.Images.Value;
        if (!RecommendedOptions.LookLikePhotos(images.TypicalSide, images.AreGrey))
            return FormattableString.Invariant($"the images do not look like photos. They are {(images.AreGrey ? "grey" : "coloured")}, with shorter sides of about {images.TypicalSide} pixels");

        try
        {
            _ = network.Value;
            return null;
        }
        catch (FileNotFoundException exception)
        {
            return exception.Message;
        }
    }
}
