// Long-tailed CIFAR-10: what losses and weights against uneven classes gain, alone and with SLA.
//   dotnet run -c Release --project benchmarks/ImbalancedStudy -- run CIFAR_FOLDER OUTPUT.jsonl RATIO EPOCHS LOSS SEED...
// trains the baseline and SLA+SD (2 of 4 rotations a step) with a loss (cross-entropy, class-balanced or LDAM-DRW), or each of them (all), on one
// thread, and adds a line of JSON to the file for each training. What the file has already is not trained again. The folder has train/<class>/*.jpg and test/<class>/*.jpg.
//   dotnet run -c Release --project benchmarks/ImbalancedStudy -- report FILE...
// makes the tables of docs/imbalanced.md of the lines, and with `figure docs/results/imbalanced FILE...` docs/results/imbalanced.svg and .png.
using System.Globalization;
using Microsoft.ML.Sla.ImbalancedStudy;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["run", var folder, var output, var ratio, var epochs, var loss, .. var seeds] when seeds.Length > 0:
        var study = new Study(folder, output, int.Parse(ratio, CultureInfo.InvariantCulture), int.Parse(epochs, CultureInfo.InvariantCulture), loss);
        foreach (string seed in seeds)
            study.Run(int.Parse(seed, CultureInfo.InvariantCulture));
        return 0;
    case ["report", .. var files] when files.Length > 0:
        Console.Write(new Report(files.SelectMany(Trial.ReadAll)).Tables());
        return 0;
    case ["figure", var path, .. var files] when files.Length > 0:
        new Report(files.SelectMany(Trial.ReadAll)).WriteFigure(path);
        return 0;
    default:
        Console.Error.WriteLine("""
            ImbalancedStudy run CIFAR_FOLDER OUTPUT.jsonl RATIO EPOCHS LOSS SEED...   trains what the file does not have yet, and adds it
            ImbalancedStudy report FILE...                                            prints the tables in Markdown
            ImbalancedStudy figure PATH FILE...                                       draws the gains to PATH.svg and PATH.png
            """);
        return 1;
}
