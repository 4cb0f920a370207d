using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.Sla.Data;

/// <summary>The label column and its N classes, in the order of the keys.</summary>
/// <param name="ColumnName">Name of the label column.</param>
/// <param name="ValueKind">Type of the key values. Keys without values count as their own numbers, 1 to N.</param>
/// <param name="Names">The values as text (invariant culture).</param>
internal sealed record ClassLabels(string ColumnName, DataKind ValueKind, string[] Names)
{
    public const string KeyValuesAnnotation = "KeyValues";

    /// <summary>The column of the class number that the scoring graph writes, an int64 vector of one value.</summary>
    public const string ClassColumn = "Sla.Class";

    private const string HashColumn = "Sla.Hash";
    private const string ValueColumn = "Sla.Value";

    /// <summary>Temporary columns of <see cref="PredictedLabelSteps"/>.</summary>
    public static IEnumerable<string> TemporaryColumns => [ClassColumn, HashColumn, ValueColumn];

    /// <summary>N, the number of classes.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public int Count => Names.Length;

    /// <summary>Reads the classes of a key column.</summary>
    /// <exception cref="ArgumentException">The key values have a type that is not supported.</exception>
    public static ClassLabels Of(DataViewSchema.Column column)
    {
        int count = checked((int)((KeyDataViewType)column.Type).Count);
        if (column.Annotations.Schema.GetColumnOrNull(KeyValuesAnnotation)?.Type is not VectorDataViewType values)
            return new ClassLabels(column.Name, DataKind.UInt32, [.. Enumerable.Range(1, count).Select(key => $"{key}")]);

        var type = LabelValueType.For(values.ItemType) ?? throw new ArgumentException(
            $"The label column '{column.Name}' is a key of {values.ItemType} values, which is not supported: map text, numbers or booleans to keys.");
        return new ClassLabels(column.Name, type.Kind, type.ReadKeyValues(column));
    }

    /// <summary>Reads the class of a cursor's current row: 0 to N - 1, or -1 for a missing label.</summary>
    public static Func<int> Getter(DataViewRow row, DataViewSchema.Column column)
    {
        return column.Type.RawType switch
        {
            var t when t == typeof(byte) => Read<byte>(key => key),
            var t when t == typeof(ushort) => Read<ushort>(key => key),
            var t when t == typeof(uint) => Read<uint>(key => checked((int)key)),
            _ => Read<ulong>(key => checked((int)key)),
        };

        Func<int> Read<T>(Func<T, int> toInt)
            where T : struct
        {
            var getter = row.GetGetter<T>(column);
            T key = default;
            return () =>
            {
                getter(ref key);
                return toInt(key) - 1;
            };
        }
    }

    /// <summary>Checks labels read from a file.</summary>
    /// <exception cref="InvalidDataException">There are no names, a name occurs twice, or a name is not a value of the labels' type.</exception>
    public void Check()
    {
        if (Names.Length == 0 || Names.Distinct(StringComparer.Ordinal).Count() < Names.Length || !Names.All(name => Canonical(name) == name))
            throw new InvalidDataException($"its {Names.Length} class names must be one or more, all different, and all of type {ValueKind}.");
    }

    /// <summary>The class name that a text means, such as 1 for 01 if labels are numbers; null if it is not a value of the labels' type.</summary>
    public string? Canonical(string name) => LabelValueType.For(ValueKind).Canonical(name);

    /// <summary>
    /// ML.NET's own steps from <see cref="ClassColumn"/> to a key column with the key values of the label. ML.NET cannot turn a number
    /// into a key directly. The steps therefore hash the number, and map the hash to a key value.
    /// </summary>
    public IEnumerable<IEstimator<ITransformer>> PredictedLabelSteps(IHostEnvironment environment, string predictedLabelColumn)
    {
        var (hashing, hashes) = DistinctHashes(environment);
        yield return hashing;

        foreach (var step in LabelValueType.For(ValueKind).HashesToKeys(environment, hashes, Names, HashColumn, ValueColumn, predictedLabelColumn))
            yield return step;
    }

    /// <summary>Finds a hash whose seed gives the N class numbers N different values.</summary>
    private (HashingEstimator Hashing, uint[] Hashes) DistinctHashes(IHostEnvironment environment)
    {
        var definition = SchemaDefinition.Create(typeof(ClassNumber));
        definition[nameof(ClassNumber.Number)].ColumnName = ClassColumn;
        var numbers = MLNetInternals.Data(environment).LoadFromEnumerable(
            Enumerable.Range(0, Count).Select(i => new ClassNumber { Number = [i] }), definition);
        for (uint seed = 1; ; seed++)
        {
            var hashing = MLNetInternals.Transforms(environment).Conversion.Hash(
                new HashingEstimator.ColumnOptions(HashColumn, ClassColumn, numberOfBits: 31, seed: seed, combine: true));
            uint[] hashes = [.. hashing.Fit(numbers).Transform(numbers).GetColumn<uint>(HashColumn)];
            if (hashes.Distinct().Count() == Count)
                return (hashing, hashes);
        }
    }

    private sealed class ClassNumber
    {
        [VectorType(1)]
        public long[] Number { get; set; } = [];
    }
}
