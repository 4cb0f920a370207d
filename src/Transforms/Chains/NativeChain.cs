using Microsoft.ML.Data;
using Microsoft.ML.Sla.Files;

namespace Microsoft.ML.Sla.Chains;

/// <summary>
/// A chain of ML.NET's own transformers, with the ONNX files that they read. The saved chain runs without this library.
/// </summary>
/// <remarks>
/// In this process the chain adds two guarantees to ML.NET's transformers: it does not dispose images that the caller holds, and it releases
/// native resources only when nothing uses them any more.
/// </remarks>
internal sealed class NativeChain : ITransformer, IDisposable
{
    private readonly TransformerChain<ITransformer> _saved;
    private readonly TransformerChain<ITransformer> _scoring;
    private readonly OwnedImages? _images;
    private readonly TemporaryFile[] _files;
    private readonly Lifetime _lifetime;

    /// <summary>Fits steps one after another.</summary>
    /// <param name="data">The data to fit the first step on.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="images">The column of images that the steps may dispose; null without images.</param>
    /// <param name="files">The files that the steps read. They are disposed with the chain, or at once if a step cannot be fitted.</param>
    public NativeChain(IDataView data, IEnumerable<IEstimator<ITransformer>> steps, OwnedImages? images, params TemporaryFile[] files)
    {
        _images = images;
        _files = files;
        _lifetime = new Lifetime(this, Release);
        var fitted = new List<ITransformer>();
        try
        {
            foreach (var step in steps)
            {
                var transformer = step.Fit(data);
                fitted.Add(transformer);
                data = transformer.Transform(data);
            }

            _saved = new TransformerChain<ITransformer>([.. fitted]);
            _scoring = images is null ? _saved : images.Around(_saved);
        }
        catch
        {
            foreach (var transformer in fitted.OfType<IDisposable>())
                transformer.Dispose();
            DeleteFiles();
            throw;
        }
    }

    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        using var use = _lifetime.Enter();
        _images?.Accept(inputSchema);
        return _scoring.GetOutputSchema(inputSchema);
    }

    public IDataView Transform(IDataView input)
    {
        using var use = _lifetime.Enter();
        _images?.Accept(input.Schema);
        return new LeasedView(_scoring.Transform(input), _lifetime);
    }

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        using var use = _lifetime.Enter();
        _images?.Accept(inputSchema);
        return new LeasedMapper(((ITransformer)_scoring).GetRowToRowMapper(inputSchema), _lifetime);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        using var use = _lifetime.Enter();
        ((ICanSaveModel)_saved).Save(ctx);
    }

    /// <summary>Closes the chain. Its native resources are released once nothing scores with it any more.</summary>
    public void Dispose() => _lifetime.Close();

    private void Release()
    {
        _scoring.Dispose();
        DeleteFiles();
    }

    private void DeleteFiles()
    {
        foreach (var file in _files)
            file.Dispose();
    }
}
