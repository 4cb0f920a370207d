namespace Microsoft.ML.Sla.Search;

/// <summary>The values of a trial by dimension, in the order of the dimensions. The options of the experiment decide the rest.</summary>
internal sealed class Configuration(IEnumerable<KeyValuePair<string, string>> values)
{
    public IReadOnlyDictionary<string, string> Values { get; } = new Dictionary<string, string>(values);

    public override string ToString() => SlaTrial.NameOf(Values);
}
