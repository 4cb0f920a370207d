using System.CommandLine;
using System.Globalization;
using Microsoft.ML;

namespace Sla.Commands;

/// <summary><c>sla find-lr</c>.</summary>
internal sealed class FindLearningRateCommand
{
    private const int MostRows = 20;
    private const int BarLength = 40;

    private readonly TrainingOptions _training = new();
    private readonly ValueOption<int?> _steps = ValueOption.Number("--steps", "N", "Number of steps of the test. Default 100.", least: 10);
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create()
    {
        var find = new FindLearningRateCommand();
        var command = new Command("find-lr", "Try learning rates in a range test, and suggest one.");
        find._training.AddTo(command);
        command.Options.Add(find._steps);
        command.Options.Add(find._json);
        command.SetAction(find.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var images = _training.ReadImages(parsed, new FileRoles());
        var options = _training.For(parsed, images);
        var mlContext = Terminal.NewContext(parsed, options.Seed);
        using var interruption = new Interruption();
        options.CancellationToken = interruption.Token;
        var rows = Pipeline.LoadLabelled(mlContext, images, images.Classes, Pipeline.ImageColumn, options.ImageWidth!.Value);
        var range = images.Using(() => Failure.AsInput(() => mlContext.MulticlassClassification.Trainers.Sla(options).FindLearningRate(rows, steps: _steps.Of(parsed) ?? 100)));
        if (parsed.GetValue(_json))
        {
            Terminal.WriteJson(new { range.Suggested, Points = range.Points.Select(point => new { point.LearningRate, point.Loss }) });
            return ExitCode.Done;
        }

        double most = range.Points.Max(point => point.Loss);
        foreach (var point in range.Points.Where((_, i) => i % Math.Max(1, range.Points.Count / MostRows) == 0))
            Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{point.LearningRate,10:G3}  {point.Loss,7:F3}  {new string('#', (int)(BarLength * point.Loss / most))}"));
        Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"--learning-rate {range.Suggested:G3}"));
        return ExitCode.Done;
    }
}
