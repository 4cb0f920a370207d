using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>Makes the options that several commands have. Each command needs its own instance.</summary>
internal static class SharedOptions
{
    public static Option<string> Model() => new("--model") { Description = "A model that 'sla train' wrote.", HelpName = "M.zip", Required = true };

    public static Option<bool> Json() => new("--json") { Description = "Write only the result, as JSON, to the standard output." };

    public static Option<string?> Report() => new("--report") { Description = "Write a report with curves, confusions and mistakes: one HTML file.", HelpName = "OUT.html" };

    public static ValueOption<double?> Reject() => new(
        "--reject",
        "Answer \"none of these\" where a prediction is not sure enough: of the others at most this share should be wrong, such as 0.05. Default: every prediction counts.",
        standard: null,
        text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double rate) && rate is > 0 and < 1
            ? rate
            : throw new FormatException("it must be a number above 0 and below 1, such as 0.05"))
    {
        HelpName = "RATE",
    };

    public static ValueOption<SlaInference?> Inference() => new(
        "--inference",
        "How the model scores: single, aggregated or distilled. Default: the model's own inference; for a training, the one that the objective recommends.",
        standard: null,
        text => OptionNames.Find<SlaInference?>(
            text, ("single", SlaInference.Single), ("aggregated", SlaInference.Aggregated), ("distilled", SlaInference.Distilled)))
    {
        HelpName = "WORD",
    };
}

/// <summary>The options that name labelled images: a folder, or a list.</summary>
internal sealed class ImageOptions
{
    public const string FolderName = "--images";

    private readonly Option<string?> _folder = new(FolderName) { Description = "Folder of images, with one folder for each class.", HelpName = "DIR" };
    private readonly Option<string?> _list = new("--list") { Description = "Instead of --images: a file whose lines have the path of an image, a tab, and its label.", HelpName = "FILE.tsv" };

    private readonly Option<bool> _skipUnreadable = new("--skip-unreadable") { Description = "Leave out images and folders that cannot be read. Default: stop at the first one and name it." };

    public IEnumerable<Option> All => [_folder, _list, _skipUnreadable];

    public bool SkipsUnreadable(ParseResult parsed) => parsed.GetValue(_skipUnreadable);

    /// <summary>Notes the folder and the list among what the command reads.</summary>
    public void AddTo(FileRoles roles, ParseResult parsed) => roles.Read(_folder.Name, parsed.GetValue(_folder)).Read(_list.Name, parsed.GetValue(_list));

    /// <param name="parsed">The command line.</param>
    /// <param name="roles">What the command reads and writes; the images are noted in it.</param>
    /// <exception cref="InputException">The images are missing, given twice, cannot be used, or are written to.</exception>
    public ImageSet Read(ParseResult parsed, FileRoles roles)
    {
        var (images, option) = (parsed.GetValue(_folder), parsed.GetValue(_list)) switch
        {
            ({ } folder, null) => (ImageSet.OfFolder(folder, SkipsUnreadable(parsed)), _folder),
            (null, { } list) => (ImageSet.OfList(list), _list),
            (null, null) => throw new InputException("The images are missing: give a folder as --images, or a list as --list."),
            _ => throw new InputException("The images are given twice: as --images and as --list. Give one of them."),
        };
        roles.Read($"an image of {option.Name}", images.Images.Select(image => image.ImagePath));
        return images;
    }
}
