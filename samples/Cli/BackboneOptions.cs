using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>The command-line options of a training that starts from a pretrained network.</summary>
internal sealed class BackboneOptions
{
    private const string Auto = "auto";
    private const string None = "none";
    private const string ResNet18 = "resnet18";

    /// <summary>Width and height at which the pretrained networks were trained.</summary>
    private const int PhotoSide = 224;

    /// <summary>Colour images with a shorter side below this are thumbnails, not photos.</summary>
    private const int SmallestPhoto = 96;

    /// <summary>Grey images with a shorter side below this are drawings or small scans.</summary>
    private const int SmallestGreyPhoto = 160;

    private readonly Option<string> _backbone = new("--backbone")
    {
        Description = "Network to start from: resnet18 (trained on photos), an ONNX file, none (train from scratch), or auto: resnet18 for photos, none for small images and drawings. "
            + "Its weights stay unchanged, and only the layer on top of it is trained. Default auto.",
        HelpName = "NAME",
    };

    public void AddTo(Command command) => command.Options.Add(_backbone);

    /// <summary>Sets the options of a training on a backbone, if the command line or the images ask for one.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="training">The other options of the command line.</param>
    /// <param name="images">The images.</param>
    /// <param name="options">The options, which are changed.</param>
    /// <exception cref="InputException">The backbone cannot be used.</exception>
    public void Apply(ParseResult parsed, TrainingOptions training, ImageSet images, SlaTrainer.Options options)
    {
        string name = parsed.GetValue(_backbone) ?? Auto;
        if (name == None || (name == Auto && !SuitsResNet18(parsed, training, images)))
            return;
        if (name != Auto && training.NamesNetwork(parsed))
            throw new InputException("The network is given twice. Give one of --backbone, --architecture and --pretrained.");

        options.Architecture = Failure.AsInput(() => name is Auto or ResNet18 ? Architecture.PretrainedResNet18() : Architecture.FromOnnx(name));
        options.BackboneTraining = BackboneTraining.Frozen;
        options.CompareObjectives = !training.NamesObjective(parsed);
        int side = training.ImageSide(parsed) ?? PhotoSide;
        (options.ImageWidth, options.ImageHeight) = (side, side);
    }

    private static bool SuitsResNet18(ParseResult parsed, TrainingOptions training, ImageSet images)
    {
        if (training.NamesNetwork(parsed))
            return false;
        var survey = images.Survey();
        int side = survey.TypicalSide;
        bool suits = side >= (survey.AreGrey ? SmallestGreyPhoto : SmallestPhoto);
        if (suits)
        {
            Terminal.Note(string.Create(CultureInfo.InvariantCulture,
                $"The images are {(survey.AreGrey ? "grey" : "coloured")}, with shorter sides of about {side} pixels. The model starts from ResNet-18, which was trained on photos. To train from scratch, add --backbone none."));
        }

        return suits;
    }
}
