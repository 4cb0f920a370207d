using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Sla;

/// <summary>An option whose value has its own syntax. The description names the default in that syntax.</summary>
internal sealed class ValueOption<T> : Option<string>
{
    private readonly T _standard;
    private readonly Func<string, T> _parse;

    /// <param name="name">Name of the option.</param>
    /// <param name="description">The purpose of the option, for the help.</param>
    /// <param name="standard">The default value.</param>
    /// <param name="parse">Reads the value. Its FormatException or ArgumentException says what is wrong.</param>
    public ValueOption(string name, string description, T standard, Func<string, T> parse)
        : base(name)
    {
        _standard = standard;
        _parse = parse;
        Description = description;
        Validators.Add(Check);
    }

    public T Of(ParseResult parsed) => parsed.GetValue(this) is { } text ? _parse(text) : _standard;

    private void Check(OptionResult result)
    {
        string text = result.Tokens[0].Value;
        try
        {
            _parse(text);
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or OverflowException)
        {
            result.AddError($"The value '{text}' of {Name} cannot be used: {Failure.MessageOf(exception).TrimEnd('.')}.");
        }
    }
}

/// <summary>Makes options.</summary>
internal static class ValueOption
{
    /// <summary>An option with a choice of words. The first word is the default.</summary>
    public static ValueOption<T> Choice<T>(string name, string description, params (string Word, T Value)[] choices)
    {
        string words = string.Join(", ", choices.Select(choice => choice.Word));
        return new(name, $"{description}: {words}. Default {choices[0].Word}.", choices[0].Value, text => OptionNames.Find(text, choices)) { HelpName = "WORD" };
    }

    /// <summary>An option with a number that is not below a least one. The default is null.</summary>
    public static ValueOption<T?> Number<T>(string name, string helpName, string description, T least)
        where T : struct, INumber<T> => new(name, description, null, text =>
        {
            bool isNumber = T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value);
            return isNumber && T.IsFinite(value) && value >= least
                ? value
                : throw new FormatException($"it must be a {(typeof(T) == typeof(int) ? "whole number" : "number")} of {least} or more");
        })
        {
            HelpName = helpName,
        };
}
