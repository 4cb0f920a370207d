using Microsoft.ML.Data;
using Microsoft.ML.Sla.Chains;

namespace Microsoft.ML.Sla;

/// <summary>Makes views, and joint labels if the rows have the label column. The saved form makes only views.</summary>
internal sealed class LabelAugmentingTransformer(NativeChain views, JointLabelMapping jointLabels) : ITransformer, IDisposable
{
    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => For(inputSchema).GetOutputSchema(inputSchema);

    public IDataView Transform(IDataView input) => For(input.Schema).Transform(input);

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => For(inputSchema).GetRowToRowMapper(inputSchema);

    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)views).Save(ctx);

    public void Dispose() => views.Dispose();

    private ITransformer For(DataViewSchema schema) =>
        schema.GetColumnOrNull(jointLabels.LabelColumnName) is null ? views : new TransformerChain<ITransformer>(views, jointLabels.Transformer);
}
