using System.Globalization;
using Microsoft.ML.Sla.Tensors;

namespace Microsoft.ML.Sla.Search;

/// <summary>An option that a search chooses. Its values are text, in the form in which the search records them.</summary>
/// <param name="Name">The name of the dimension.</param>
internal abstract record Dimension(string Name)
{
    /// <summary>The value that every trial has; null if the search chooses the value.</summary>
    public string? Fixed { get; private init; }

    /// <summary>Whether the dimension affects a training with given options. Default: always.</summary>
    public Func<SlaTrainer.Options, bool> Matters { get; init; } = _ => true;

    /// <exception cref="ArgumentException">The dimension has no such value.</exception>
    public Dimension FixedTo(string value) => this with { Fixed = Parse(value) };

    public abstract string Draw(Random random);

    public abstract void Set(SlaTrainer.Options options, string value);

    /// <summary>Name and values. Part of a search's identity.</summary>
    public sealed override string ToString() => $"{Name} ({Fixed ?? Values})";

    /// <summary>The dimension without the choices that cannot be trained.</summary>
    /// <param name="objection">Returns why a training with a value is impossible; null if it is possible.</param>
    /// <param name="dropped">Receives each dropped choice with the reason.</param>
    public virtual Dimension WithPossibleChoices(Func<string, string?> objection, List<string> dropped) => this;

    /// <summary>The dimension without the choices that do not suit the images or the options.</summary>
    /// <param name="subject">The images and the options.</param>
    /// <param name="dropped">Receives each dropped choice with the reason.</param>
    public virtual Dimension Suiting(SearchSubject subject, List<string> dropped) => this;

    protected abstract string Values { get; }

    /// <summary>The value in the form in which the search records it.</summary>
    protected abstract string Parse(string value);
}

/// <summary>A choice of a dimension.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Set">Sets it in the options.</param>
internal sealed record Choice(string Name, Action<SlaTrainer.Options> Set)
{
    /// <summary>What the choice is, as part of a search's identity. Default: its name.</summary>
    public string Identity { get; init; } = Name;

    /// <summary>Returns why a search that may choose should not consider it; null if it should. A fixed choice is not asked. Default: it should.</summary>
    public Func<SearchSubject, string?> Misfit { get; init; } = _ => null;
}

/// <summary>A dimension of named choices.</summary>
internal sealed record ChoiceDimension(string Name, IReadOnlyList<Choice> Choices) : Dimension(Name)
{
    protected override string Values => string.Join(", ", Choices.Select(choice => choice.Identity));

    public override string Draw(Random random) => Choices[random.Next(Choices.Count)].Name;

    public override void Set(SlaTrainer.Options options, string value) => Choices.First(choice => choice.Name == value).Set(options);

    public override Dimension WithPossibleChoices(Func<string, string?> objection, List<string> dropped) => Without(choice => objection(choice.Name), dropped);

    public override Dimension Suiting(SearchSubject subject, List<string> dropped) => Fixed is null ? Without(choice => choice.Misfit(subject), dropped) : this;

    protected override string Parse(string value)
    {
        string? known = Choices.Select(choice => choice.Name).FirstOrDefault(name => name.Equals(value, StringComparison.OrdinalIgnoreCase));
        return known ?? throw new ArgumentException($"The dimension '{Name}' has no choice '{value}'. It has {string.Join(", ", Choices.Select(choice => choice.Name))}.", nameof(value));
    }

    private ChoiceDimension Without(Func<Choice, string?> objection, List<string> dropped)
    {
        var possible = Choices.Where(choice =>
        {
            string? reason = objection(choice);
            if (reason is not null)
                dropped.Add($"{Name} {choice.Name}: {reason}");
            return reason is null;
        }).ToList();
        return this with { Choices = possible };
    }
}

/// <summary>A dimension of numbers in a range.</summary>
internal sealed record RangeDimension(string Name, double Lowest, double Highest, bool IsLogarithmic, Action<SlaTrainer.Options, double> Setter) : Dimension(Name)
{
    protected override string Values => FormattableString.Invariant($"{Lowest} to {Highest}{(IsLogarithmic ? ", logarithmic" : "")}");

    public override string Draw(Random random)
    {
        double value = IsLogarithmic
            ? Math.Exp(random.Uniform(Math.Log(Lowest), Math.Log(Highest)))
            : random.Uniform(Lowest, Highest);

        // Rounded to three digits, so that the recorded value equals the used one.
        return value.ToString("G3", CultureInfo.InvariantCulture);
    }

    public override void Set(SlaTrainer.Options options, string value) => Setter(options, double.Parse(value, CultureInfo.InvariantCulture));

    protected override string Parse(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number.ToString(CultureInfo.InvariantCulture)
            : throw new ArgumentException($"The value '{value}' of the dimension '{Name}' must be a number.", nameof(value));
}
