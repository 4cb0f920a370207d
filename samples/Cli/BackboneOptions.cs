using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>The command-line options of a training, or a search, that starts from a pretrained network.</summary>
internal sealed class BackboneOptions
{
    /// <summary>The dimension of a search space.</summary>
    public const string Dimension = "Backbone";

    private const string Auto = "auto";
    private const string None = "none";
    private const string ResNet18 = "resnet18";

    /// <summary>Of a network that is trained further: passes over all images, and views in a step, which take up to 5 GiB at 224 x 224 pixels.</summary>
    private const int TunedEpochs = 4, TunedViews = 32;

    /// <summary>Of a network that is trained further: the highest learning rate, and its factor from one layer to the one before.</summary>
    private const double TunedRate = 0.001, TunedDecay = 0.95;

    private readonly Option<string> _backbone = new("--backbone")
    {
        Description = "Network to start from: resnet18 (trained on photos), an ONNX file, none (train from scratch), or auto: resnet18 for photos, none for small images and drawings. "
            + "The layer on top of it is trained, and with --max-seconds then all weights, where the time is enough. Default auto.",
        HelpName = "NAME",
    };

    private readonly Option<bool> _freeze = new("--freeze") { Description = "Train only the layer on top of the network of --backbone or --pretrained. Default for --backbone without --max-seconds." };
    private readonly Option<bool> _fineTune = new("--fine-tune")
    {
        Description = "Train the layer on top of the network of --backbone or --pretrained, and then all weights from there, for --epochs (default 4) or the rest of --max-seconds. Default for --backbone with --max-seconds.",
    };

    public void AddTo(Command command) => command.Options.Add(_backbone);

    /// <summary>Adds the options of a single training too.</summary>
    public void AddAllTo(Command command)
    {
        AddTo(command);
        command.Options.Add(_freeze);
        command.Options.Add(_fineTune);
    }

    /// <summary>Sets the options of a training on a backbone, if the command line or the images ask for one.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="training">The other options of the command line.</param>
    /// <param name="images">The images.</param>
    /// <param name="hasTime">Whether the command has a time, the rest of which trains all weights.</param>
    /// <param name="options">The options, which are changed.</param>
    /// <exception cref="InputException">The backbone cannot be used.</exception>
    public void Apply(ParseResult parsed, TrainingOptions training, ImageSet images, bool hasTime, SlaTrainer.Options options)
    {
        var (freezes, tunes) = (parsed.GetValue(_freeze), parsed.GetValue(_fineTune));
        if (freezes && tunes)
            throw new InputException("Give one of --freeze and --fine-tune.");
        string name = Name(parsed, images, training.NamesNetwork(parsed));
        if (name == None && (freezes || tunes) && options.PretrainedPath is null)
            throw new InputException("--freeze and --fine-tune need a network that was trained before. Add --backbone resnet18, --backbone FILE.onnx or --pretrained FILE.");
        options.CompareObjectives = name != None && !training.NamesObjective(parsed);
        if (tunes || (hasTime && !freezes && name != None))
            FineTune(parsed, training, options);
        else if (freezes || name != None)
            options.BackboneTraining = BackboneTraining.Frozen;
        if (name == None)
            return;
        if (name == Auto)
        {
            Note(images, "The model starts from ResNet-18, which was trained on photos. To train from scratch, add --backbone none.");
            name = ResNet18;
        }

        options.Architecture = Network(name);
        int side = Side(parsed, training);
        (options.ImageWidth, options.ImageHeight) = (side, side);
    }

    /// <summary>
    /// Sets the backbones of a search. Without a name, a search tries ResNet-18 and trainings from scratch on photos, and trainings from scratch alone on
    /// other images.
    /// </summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="training">The other options of the command line.</param>
    /// <param name="images">The images.</param>
    /// <param name="space">The search space, which is changed.</param>
    /// <param name="fixedName">The backbone that --fix names; null if it names none.</param>
    /// <param name="isNetworkFixed">Whether --fix names the network that is trained from scratch.</param>
    /// <returns>The side of the images that a backbone needs; null if the search tries none.</returns>
    /// <exception cref="InputException">The backbone cannot be used.</exception>
    public int? Apply(ParseResult parsed, TrainingOptions training, ImageSet images, SlaSearchSpace space, string? fixedName, bool isNetworkFixed)
    {
        if (fixedName is not null && parsed.GetValue(_backbone) is not null)
            throw new InputException($"The backbone is given twice. Give one of --backbone and --fix {Dimension}.");
        string name = fixedName ?? Name(parsed, images, isNetworkFixed || training.NamesNetwork(parsed));
        if (name == None)
        {
            space.Fix(Dimension, None);
            return null;
        }

        int side = Side(parsed, training);
        string network = name == Auto ? ResNet18 : name;
        space.AddBackbone(network, Network(network), side);
        if (name == Auto)
            Note(images, "The search tries ResNet-18, which was trained on photos, and trainings from scratch in the time that is left. To try one of them only, add --backbone resnet18 or --backbone none.");
        else
            space.Fix(Dimension, network);
        return side;
    }

    private static void FineTune(ParseResult parsed, TrainingOptions training, SlaTrainer.Options options)
    {
        options.BackboneTraining = BackboneTraining.HeadsFirst;
        options.Epochs = training.Epochs(parsed) ?? TunedEpochs;
        bool needsTwoViews = options.Objective == SlaObjective.SlaSelfDistillation && !options.CompareObjectives;
        options.ViewsPerStep = training.ViewsPerStep(parsed) ?? (needsTwoViews ? 2 : 1);
        options.BatchSize = training.BatchSize(parsed) ?? Math.Max(1, TunedViews / options.ViewsPerStep.Value);
        options.LearningRate = training.LearningRate(parsed) ?? TunedRate;
        options.LayerRateDecay = TunedDecay;
        options.FrozenStatistics = true;
    }

    /// <summary>The backbone that is asked for: a name or a file, or "auto" if the images suit the one for photos.</summary>
    private string Name(ParseResult parsed, ImageSet images, bool isNetworkNamed)
    {
        string name = parsed.GetValue(_backbone) ?? Auto;
        if (name == Auto)
            return !isNetworkNamed && LookLikePhotos(images.Survey()) ? Auto : None;
        return name == None || !isNetworkNamed
            ? name
            : throw new InputException("The network is given twice. Give one of --backbone, --architecture, --pretrained and --fix Architecture.");
    }

    private static Architecture Network(string name) => Failure.AsInput(() => name == ResNet18 ? Architecture.PretrainedResNet18() : Architecture.FromOnnx(name));

    private static int Side(ParseResult parsed, TrainingOptions training) => training.ImageSide(parsed) ?? RecommendedOptions.PhotoSide;

    private static bool LookLikePhotos(ImageSurvey survey) => RecommendedOptions.LookLikePhotos(survey.TypicalSide, survey.AreGrey);

    private static void Note(ImageSet images, string consequence)
    {
        var survey = images.Survey();
        Terminal.Note(string.Create(CultureInfo.InvariantCulture,
            $"The images are {(survey.AreGrey ? "grey" : "coloured")}, with shorter sides of about {survey.TypicalSide} pixels. {consequence}"));
    }
}
