using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla;

/// <summary>Maps a label key y to the M joint labels y*M + j of its views, which are keys with values such as <c>cat @ 90°</c>.</summary>
internal sealed class JointLabelMapping
{
    public JointLabelMapping(IHostEnvironment environment, IDataView data, DataViewSchema.Column label, TransformationSet transformations, string jointLabelColumnName)
    {
        LabelColumnName = label.Name;
        int views = transformations.Count;
        string[] names = [.. ClassLabels.Of(label).Names.SelectMany(name => transformations.Select(t => t.NameOf(name)))];
        Transformer = label.Type.RawType switch
        {
            var t when t == typeof(byte) => Create<byte>(key => key),
            var t when t == typeof(ushort) => Create<ushort>(key => key),
            var t when t == typeof(uint) => Create<uint>(key => key),
            _ => Create<ulong>(key => checked((uint)key)),
        };

        ITransformer Create<TKey>(Func<TKey, uint> toUInt)
            where TKey : struct
        {
            var input = SchemaDefinition.Create(typeof(LabelRow<TKey>));
            input[0].ColumnType = label.Type;
            input[0].ColumnName = label.Name;

            var output = SchemaDefinition.Create(typeof(JointLabelRow));
            output[0].ColumnType = new VectorDataViewType(new KeyDataViewType(typeof(uint), names.Length), views);
            output[0].ColumnName = jointLabelColumnName;
            output[0].AddAnnotation(
                ClassLabels.KeyValuesAnnotation,
                new VBuffer<ReadOnlyMemory<char>>(names.Length, Array.ConvertAll(names, name => name.AsMemory())),
                new VectorDataViewType(TextDataViewType.Instance, names.Length));

            // Raw keys count from 1, and 0 is a missing label, which has missing joint labels.
            void Map(LabelRow<TKey> row, JointLabelRow joint)
            {
                uint key = toUInt(row.Label);
                joint.Labels = new uint[views];
                for (uint j = 0; key > 0 && j < views; j++)
                    joint.Labels[j] = ((key - 1) * (uint)views) + j + 1;
            }

            return MLNetInternals.Transforms(environment)
                .CustomMapping<LabelRow<TKey>, JointLabelRow>(Map, contractName: null, input, output)
                .Fit(data);
        }
    }

    public string LabelColumnName { get; }

    public ITransformer Transformer { get; }

    private sealed class LabelRow<TKey>
        where TKey : struct
    {
        public TKey Label { get; set; }
    }

    private sealed class JointLabelRow
    {
        public uint[] Labels { get; set; } = [];
    }
}
