using Microsoft.ML.Data;
using Microsoft.ML.Sla.Onnx;

namespace Microsoft.ML.Sla;

/// <summary>
/// A chain of ML.NET's own transformers, with the ONNX files that they read. What is saved needs nothing of this library.
/// </summary>
internal sealed class NativeChain : ITransformer, IDisposable
{
    private readonly TransformerChain<ITransformer> _chain;
    private readonly TemporaryFile[] _files;

    /// <summary>Fits steps one after another.</summary>
    /// <param name="data">What the first step is fitted on.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="files">The files that they read; disposed with the chain, or at once where a step cannot be fitted.</param>
    public NativeChain(IDataView data, IEnumerable<IEstimator<ITransformer>> steps, params TemporaryFile[] files)
    {
        _files = files;
        try
        {
            var transformers = new List<ITransformer>();
            foreach (var step in steps)
            {
                var transformer = step.Fit(data);
                transformers.Add(transformer);
                data = transformer.Transform(data);
            }

            _chain = new TransformerChain<ITransformer>([.. transformers]);
        }
        catch
        {
            Delete();
            throw;
        }
    }

    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _chain.GetOutputSchema(inputSchema);

    public IDataView Transform(IDataView input) => _chain.Transform(input);

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => ((ITransformer)_chain).GetRowToRowMapper(inputSchema);

    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)_chain).Save(ctx);

    public void Dispose()
    {
        _chain.Dispose();
        Delete();
    }

    private void Delete()
    {
        foreach (var file in _files)
            file.Dispose();
    }
}
