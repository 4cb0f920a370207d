using System.CommandLine;
using global::Sla;
using global::Sla.Commands;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class CommandLineMistakeTests
{
    [Theory]
    [InlineData("predict --modle m.zip x.jpg", "There is no option '--modle'. Did you mean '--model'? Type 'sla predict --help' for a list.")]
    [InlineData("predict --model m.zip --tpo=3 x.jpg", "There is no option '--tpo'. Did you mean '--top'?")]
    [InlineData("predict --model m.zip --verbos x.jpg", "Did you mean '--verbose'?")]
    [InlineData("export --model m.zip --output e.onnx", "There is no option '--output'. Type 'sla export --help' for a list.")]
    [InlineData("prdict", "There is no command 'prdict'. Did you mean 'predict'? Type 'sla --help' for a list.")]
    [InlineData("forget", "There is no command 'forget'. Type")]
    [InlineData("export m.zip", "'m.zip' follows no option. Did you mean --model m.zip?")]
    [InlineData("export my$model.zip", "Did you mean --model 'my$model.zip'?")]
    [InlineData("export --model m.zip --onnx e.onnx more", "'more' follows no option. Type")]
    [InlineData("train .", "'.' follows no option. Did you mean --images .?")]
    [InlineData("predict x.jpg", "Option '--model' is required.")]
    public void A_mistake_is_named_with_what_was_probably_meant(string words, string message) => Assert.Contains(message, MistakeIn(words), StringComparison.Ordinal);

    [Theory]
    [InlineData("predict --model m.zip x.jpg")]
    [InlineData("predict --model m.zip -- --odd.jpg")]
    [InlineData("export --model --odd.zip --onnx e.onnx")]
    public void A_name_with_dashes_may_follow_an_option_or_two_dashes(string words) => Assert.Null(MistakeIn(words));

    private static string? MistakeIn(string words) => CommandLineMistake.In(
        new RootCommand { Terminal.Verbose, PredictCommand.Create(), ExportCommand.Create(), TrainCommand.Create() }.Parse(words.Split(' ')));
}
