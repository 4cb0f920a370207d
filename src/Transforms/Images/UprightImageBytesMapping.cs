using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.Sla.Images;

/// <summary>The mapping of <see cref="SlaImagesCatalog.LoadUprightImages"/> from the bytes of files.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class UprightImageBytesMapping : CustomMappingFactory<UprightImageBytesMapping.Input, UprightImageMapping.Output>
{
    public const string Contract = "Microsoft.ML.Sla.UprightImages.OfBytes";
    public const string BytesColumn = "Sla.ImageBytes";

    public override Action<Input, UprightImageMapping.Output> GetMapping() => (input, output) => output.Decode(input.Bytes, input.Side, input.Limit);

    internal sealed class Input
    {
        [ColumnName(BytesColumn)]
        public VBuffer<byte> Bytes { get; set; }

        [ColumnName(UprightImageMapping.SideColumn)]
        public int Side { get; set; }

        [ColumnName(UprightImageMapping.LimitColumn)]
        public long Limit { get; set; }
    }
}

/// <summary>Makes a column with a number for each row, from which ML.NET's expressions can make other constants. They take no vectors.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class RowMapping : CustomMappingFactory<RowMapping.Input, RowMapping.Output>
{
    public const string Contract = "Microsoft.ML.Sla.UprightImages.Row";
    public const string RowColumn = "Sla.Row";

    public override Action<Input, Output> GetMapping() => (_, output) => output.Row = 1;

    /// <summary>Reads no column.</summary>
    internal sealed class Input
    {
    }

    internal sealed class Output
    {
        [ColumnName(RowColumn)]
        public int Row { get; set; }
    }
}
