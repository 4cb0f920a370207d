using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Tests whose tensors are disposed after them.</summary>
public abstract class TensorTest : IDisposable
{
    private readonly DisposeScope _scope;

    protected TensorTest()
    {
        TorchLibrary.EnsureLoaded();
        _scope = NewDisposeScope();
    }

    public void Dispose()
    {
        _scope.Dispose();
        GC.SuppressFinalize(this);
    }
}
