using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.Sla.Images;

/// <summary>The estimator of <see cref="SlaImagesCatalog.LoadUprightImages"/>: steps of ML.NET around a mapping of paths, or of the bytes of files.</summary>
/// <param name="catalog">Makes the steps.</param>
/// <param name="outputColumn">Name of the image column.</param>
/// <param name="inputColumn">Name of the column of paths or of bytes.</param>
/// <param name="decodeSide">The least length of the decoded image's shorter side, in pixels.</param>
/// <param name="pixelLimit">The largest width times height that an image may declare.</param>
internal sealed class UprightImageLoader(TransformsCatalog catalog, string outputColumn, string inputColumn, int decodeSide, long pixelLimit) : IEstimator<ITransformer>
{
    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Steps(MLNetInternals.ShapeOf(input.Schema)).Fit(input);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return Steps(inputSchema).GetOutputSchema(inputSchema);
    }

    /// <exception cref="ArgumentException">The column is missing, or has neither paths nor bytes.</exception>
    private EstimatorChain<ColumnSelectingTransformer> Steps(SchemaShape schema)
    {
        var column = InputColumns.Find(schema, inputColumn, "inputColumnName");
        return (column.Kind, column.ItemType) switch
        {
            (SchemaShape.Column.VectorKind.Scalar, TextDataViewType) => Steps(UprightImageMapping.PathColumn, constantFrom: inputColumn, catalog.CustomMapping(new UprightImageMapping().GetMapping(), UprightImageMapping.Contract)),
            (SchemaShape.Column.VectorKind.VariableVector, _) when column.ItemType == NumberDataViewType.Byte => StepsOfBytes(),
            _ => throw new ArgumentException(
                $"The column '{inputColumn}' must have the paths of image files, or their bytes as a vector of variable size, as LoadRawImageBytes makes it. It is {InputColumns.Describe(column)}."),
        };
    }

    private EstimatorChain<ColumnSelectingTransformer> StepsOfBytes() => catalog.CustomMapping(new RowMapping().GetMapping(), RowMapping.Contract)
        .Append(Steps(UprightImageBytesMapping.BytesColumn, constantFrom: RowMapping.RowColumn, catalog.CustomMapping(new UprightImageBytesMapping().GetMapping(), UprightImageBytesMapping.Contract)))
        .Append(catalog.DropColumns(RowMapping.RowColumn));

    /// <param name="sourceColumn">The column that the mapping reads.</param>
    /// <param name="constantFrom">A scalar column that constants are made from, for want of a step without an input.</param>
    /// <param name="mapping">The mapping.</param>
    private EstimatorChain<ColumnSelectingTransformer> Steps(string sourceColumn, string constantFrom, IEstimator<ITransformer> mapping)
    {
        // ML.NET saves only the contract name of a mapping, so parameters reach the mapping in columns, which ML.NET's own
        // steps make.
        IEstimator<ITransformer> Constant(string column, FormattableString value) =>
            catalog.Expression(column, FormattableString.Invariant($"any => {FormattableString.Invariant(value)}"), constantFrom);

        return catalog.CopyColumns(sourceColumn, inputColumn)
            .Append(Constant(UprightImageMapping.SideColumn, $"{decodeSide}"))
            .Append(Constant(UprightImageMapping.LimitColumn, $"{pixelLimit}L"))
            .Append(mapping)
            .Append(catalog.CopyColumns(outputColumn, UprightImageMapping.ImageColumn))
            .Append(catalog.DropColumns(sourceColumn, UprightImageMapping.SideColumn, UprightImageMapping.LimitColumn, UprightImageMapping.ImageColumn));
    }
}
