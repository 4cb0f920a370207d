using Microsoft.ML.Data;
using Microsoft.ML.Sla.Chains;
using Microsoft.ML.Sla.Files;

namespace Microsoft.ML.Sla;

/// <summary>
/// A model that scores with an ONNX graph inside ML.NET's own transformers. A program that references neither this library nor TorchSharp
/// can therefore load it with <c>mlContext.Model.Load</c>, once <c>mlContext.Model.Save</c> has saved it.
/// </summary>
public abstract class ScoringTransformer : ITransformer, IDisposable
{
    private readonly TemporaryFile _onnx;
    private readonly Lazy<NativeChain> _rows;
    private readonly Lazy<NativeChain> _singleRow;
    private readonly Lifetime _lifetime;

    /// <param name="onnx">The graph.</param>
    /// <param name="createChain">Makes the chain around the graph's file, with a number of threads for one row; null for all processors.</param>
    private protected ScoringTransformer(byte[] onnx, Func<TemporaryFile, int?, NativeChain> createChain)
    {
        _lifetime = new Lifetime(this, Release);
        _onnx = new TemporaryFile(onnx, ".onnx");

        // ML.NET scores rows of a view in parallel on all processors, so more threads within a row would only wait for each other.
        _rows = new Lazy<NativeChain>(() => NewChain(createChain, threads: 1));
        _singleRow = new Lazy<NativeChain>(() => NewChain(createChain, threads: null));
    }

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <summary>The file of the graph.</summary>
    internal string OnnxPath => _onnx.Path;

    /// <summary>
    /// Writes the model as an ONNX file for other programs. Input <c>Sla.Pixels</c>: 1 x C*H*W floats of 0 to 255, planes in the order red, green,
    /// blue. Its outputs have the names of the columns that the transformer adds.
    /// </summary>
    /// <param name="path">The file to write.</param>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public virtual void ExportOnnx(string path) => SaveOnnx(path);

    /// <summary>Writes the graph that this transformer scores with.</summary>
    internal void SaveOnnx(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using var use = Use();

        // A copy of the file would have the mode of a temporary one, which nobody else may read.
        File.WriteAllBytes(path, File.ReadAllBytes(_onnx.Path));
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        using var use = Use();
        return _rows.Value.GetOutputSchema(inputSchema);
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var use = Use();
        return _rows.Value.Transform(input);
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        using var use = Use();
        return _singleRow.Value.GetRowToRowMapper(inputSchema);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        using var use = Use();
        ((ICanSaveModel)_rows.Value).Save(ctx);
    }

    /// <summary>
    /// Closes the ONNX sessions, deletes their file, and returns at once. Threads that are scoring finish first, and the last of them closes
    /// and deletes. A cursor or prediction that begins afterwards throws <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose()
    {
        _lifetime.Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>Keeps the native resources until the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    private protected Lifetime.Use Use() => _lifetime.Enter();

    private void Release()
    {
        foreach (var chain in new[] { _rows, _singleRow }.Where(chain => chain.IsValueCreated))
            chain.Value.Dispose();
        _onnx.Dispose();
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
