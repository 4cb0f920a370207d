using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Sla.Data;

/// <summary>A type of label key values: text, whole numbers, floats or booleans.</summary>
internal abstract class LabelValueType
{
    private static readonly LabelValueType[] All =
    [
        new Of<ReadOnlyMemory<char>, string>(DataKind.String),
        new Of<bool, bool>(DataKind.Boolean),
        new Of<sbyte, sbyte>(DataKind.SByte),
        new Of<byte, byte>(DataKind.Byte),
        new Of<short, short>(DataKind.Int16),
        new Of<ushort, ushort>(DataKind.UInt16),
        new Of<int, int>(DataKind.Int32),
        new Of<uint, uint>(DataKind.UInt32),
        new Of<long, long>(DataKind.Int64),
        new Of<ulong, ulong>(DataKind.UInt64),
        new Of<float, float>(DataKind.Single),
        new Of<double, double>(DataKind.Double),
    ];

    private LabelValueType(DataKind kind, Type rawType)
    {
        Kind = kind;
        RawType = rawType;
    }

    public DataKind Kind { get; }

    protected Type RawType { get; }

    public static LabelValueType? For(DataViewType type) => Array.Find(All, t => t.RawType == type.RawType);

    public static LabelValueType For(DataKind kind) => Array.Find(All, t => t.Kind == kind)
        ?? throw new InvalidDataException($"Labels of kind {kind} are not supported.");

    /// <summary>The key values of a column as text (invariant culture), in the order of the keys.</summary>
    public abstract string[] ReadKeyValues(DataViewSchema.Column column);

    /// <summary>The canonical text of a value of the type, such as 1 for 01; null if the text (invariant culture) is not a value of the type.</summary>
    public abstract string? Canonical(string text);

    /// <summary>The steps that turn a column of hashes of the class number into a key column with these key values.</summary>
    public abstract IEnumerable<IEstimator<ITransformer>> HashesToKeys(
        IHostEnvironment environment, uint[] hashes, string[] names, string hashColumn, string valueColumn, string keyColumn);

    private sealed class Of<TRaw, TValue>(DataKind kind) : LabelValueType(kind, typeof(TRaw))
    {
        public override string[] ReadKeyValues(DataViewSchema.Column column)
        {
            VBuffer<TRaw> values = default;
            column.Annotations.GetValue(ClassLabels.KeyValuesAnnotation, ref values);
            return [.. values.DenseValues().Select(value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")];
        }

        public override string? Canonical(string text)
        {
            try
            {
                return Convert.ToString(Parse(text), CultureInfo.InvariantCulture);
            }
            catch (Exception exception) when (exception is FormatException or OverflowException)
            {
                return null;
            }
        }

        public override IEnumerable<IEstimator<ITransformer>> HashesToKeys(
            IHostEnvironment environment, uint[] hashes, string[] names, string hashColumn, string valueColumn, string keyColumn)
        {
            var conversion = MLNetInternals.Transforms(environment).Conversion;
            TValue[] values = Array.ConvertAll(names, Parse);
            var keys = MLNetInternals.Data(environment).LoadFromEnumerable(values.Select(value => new KeyValue { Value = value }));
            return
            [
                conversion.MapValue(valueColumn, hashes.Zip(values, KeyValuePair.Create), hashColumn),
                conversion.MapValueToKey([new InputOutputColumnPair(keyColumn, valueColumn)], keyData: keys),
            ];
        }

        private static TValue Parse(string text) => (TValue)Convert.ChangeType(text, typeof(TValue), CultureInfo.InvariantCulture);

        private sealed class KeyValue
        {
            public required TValue Value { get; set; }
        }
    }
}
