using Microsoft.ML.Data;
using Microsoft.ML.Sla.Onnx;

namespace Microsoft.ML.Sla;

/// <summary>
/// A model that scores with an ONNX graph inside ML.NET's own transformers, so that what <c>mlContext.Model.Save</c> writes is
/// loaded by <c>mlContext.Model.Load</c> in programs that know neither this library nor TorchSharp.
/// </summary>
public abstract class ScoringTransformer : ITransformer, IDisposable
{
    private readonly TemporaryFile _onnx;
    private readonly Lazy<NativeChain> _rows;
    private readonly Lazy<NativeChain> _singleRow;

    /// <param name="onnx">The graph.</param>
    /// <param name="createChain">Makes the chain around the graph's file, with so many threads for one row, or all processors.</param>
    private protected ScoringTransformer(byte[] onnx, Func<TemporaryFile, int?, NativeChain> createChain)
    {
        _onnx = new TemporaryFile(onnx, ".onnx");

        // ML.NET scores rows of a view side by side, on all processors: threads within a row as well would only wait for each other.
        _rows = new Lazy<NativeChain>(() => NewChain(createChain, threads: 1));
        _singleRow = new Lazy<NativeChain>(() => NewChain(createChain, threads: null));
    }

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <summary>The file of the graph.</summary>
    internal string OnnxPath => _onnx.Path;

    /// <summary>Writes the graph that this transformer scores with as an ONNX file.</summary>
    /// <param name="path">The file to write.</param>
    public void SaveOnnx(string path) => File.Copy(_onnx.Path, path, overwrite: true);

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _rows.Value.GetOutputSchema(inputSchema);

    /// <inheritdoc/>
    public IDataView Transform(IDataView input) => _rows.Value.Transform(input);

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => _singleRow.Value.GetRowToRowMapper(inputSchema);

    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)_rows.Value).Save(ctx);

    /// <summary>Closes the ONNX sessions and deletes their file.</summary>
    public void Dispose()
    {
        foreach (var chain in new[] { _rows, _singleRow }.Where(chain => chain.IsValueCreated))
            chain.Value.Dispose();
        _onnx.Dispose();
        GC.SuppressFinalize(this);
    }

    private NativeChain NewChain(Func<TemporaryFile, int?, NativeChain> create, int? threads)
    {
        try
        {
            return create(_onnx, threads);
        }
        catch (EntryPointNotFoundException exception)
        {
            throw new InvalidOperationException(
                "The MLContext asks for a GPU (GpuDeviceId), and this ONNX Runtime has none: reference the package Microsoft.ML.OnnxRuntime.Gpu "
                + "in place of Microsoft.ML.OnnxRuntime, or leave GpuDeviceId null to score on the CPU.",
                exception);
        }
    }
}
