using System.CommandLine;
using Microsoft.ML.Sla;

namespace Sla.Commands;

/// <summary><c>sla export</c>.</summary>
internal static class ExportCommand
{
    private static readonly Option<string> Model = SharedOptions.Model();
    private static readonly Option<string> Onnx = new("--onnx") { Description = "ONNX file to write. Its input Images takes B x C x H x W floats from 0 to 255. Its output Score has B x N probabilities.", HelpName = "OUT.onnx", Required = true };
    private static readonly ValueOption<SlaInference?> Inference = SharedOptions.Inference();
    private static readonly ValueOption<BatchSize> Batch = ValueOption.Choice("--batch", "Number of images that the graph takes at a time", ("dynamic", BatchSize.Any), ("1", BatchSize.One));

    private enum BatchSize
    {
        Any,
        One,
    }

    public static Command Create()
    {
        var command = new Command("export", "Write a model as ONNX, for programs without ML.NET.") { Model, Onnx, Inference, Batch };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string path = parsed.GetValue(Onnx)!;
        OutputFile.Check(path);
        new FileRoles().Read("--model", parsed.GetValue(Model)).Write("--onnx", path);
        bool isDynamic = Batch.Of(parsed) == BatchSize.Any;
        using var model = Pipeline.Open(Terminal.NewContext(parsed), parsed.GetValue(Model)!, Inference.Of(parsed));
        OutputFile.Write(path, stream => Export(model, isDynamic ? null : 1, stream));
        Terminal.WriteLine($"{path}: Images, {(isDynamic ? "B" : "1")} x {model.ImageShape.Channels} x {model.ImageShape.Height} x {model.ImageShape.Width}, to Score, {(isDynamic ? "B" : "1")} x {model.ClassNames.Count} ({model.Inference}).");
        return ExitCode.Done;
    }

    private static void Export(SlaTransformer model, int? batchSize, Stream stream)
    {
        // The library writes to a path. A folder that only this user may enter has no link in it.
        string folder = Directory.CreateTempSubdirectory("sla-").FullName;
        try
        {
            string file = Path.Combine(folder, "model.onnx");
            model.ExportOnnx(file, batchSize);
            using var written = File.OpenRead(file);
            written.CopyTo(stream);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
