using Microsoft.ML.Sla;

namespace Sla;

/// <summary>The words on the command line for values of the library's options.</summary>
internal static class OptionNames
{
    /// <summary>Every objective, the default first.</summary>
    public static readonly (string Word, SlaObjective Value)[] Objectives =
    [
        ("sla-sd", SlaObjective.SlaSelfDistillation),
        ("sla", SlaObjective.Sla),
        ("mt", SlaObjective.MultiTask),
        ("da", SlaObjective.DataAugmentation),
        ("baseline", SlaObjective.Baseline),
    ];

    /// <exception cref="FormatException">The text is none of the words.</exception>
    public static T Find<T>(string text, params (string Word, T Value)[] choices)
    {
        foreach (var (word, value) in choices)
        {
            if (word.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase))
                return value;
        }

        throw new FormatException($"it must be one of {string.Join(", ", choices.Select(choice => choice.Word))}");
    }
}
