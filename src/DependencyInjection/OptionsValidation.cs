using Microsoft.Extensions.Options;

namespace Microsoft.ML.Sla;

/// <summary>Refuses options with which no model can be loaded.</summary>
internal sealed class OptionsValidation : IValidateOptions<SlaPredictorOptions>
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1), Longest = TimeSpan.FromDays(1);

    public ValidateOptionsResult Validate(string? name, SlaPredictorOptions options)
    {
        var wrong = new List<string>();
        if (string.IsNullOrWhiteSpace(options.ModelPath))
            Add(nameof(options.ModelPath), $"'{options.ModelPath}'", "Give the path of a file that mlContext.Model.Save wrote.");
        if (options.PixelLimit < 1)
            Add(nameof(options.PixelLimit), options.PixelLimit, "Give 1 or more.");
        if (options.Inference is { } inference && !Enum.IsDefined(inference))
            Add(nameof(options.Inference), inference, $"Give {string.Join(", ", Enum.GetNames<SlaInference>())}, or null for that of the model.");
        if (options.PollingInterval < Shortest || options.PollingInterval > Longest)
            Add(nameof(options.PollingInterval), options.PollingInterval, $"Give 1 millisecond to 1 day, or set {nameof(options.ReloadOnChange)} to false.");
        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);

        void Add(string option, object value, string remedy)
        {
            string predictor = string.IsNullOrEmpty(name) ? "" : $" of the predictor '{name}'";
            wrong.Add(FormattableString.Invariant($"{nameof(SlaPredictorOptions)}.{option}{predictor} is {value}. {remedy}"));
        }
    }
}
