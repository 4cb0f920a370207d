using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>Looks up numbers by class.</summary>
internal static class ClassLookup
{
    /// <summary>The number of each row's class.</summary>
    /// <param name="values">A number for each class.</param>
    /// <param name="labels">Class labels, one for each row (int64).</param>
    /// <param name="type">The type of the result.</param>
    /// <returns>As many values as rows, on the device of the labels.</returns>
    public static Tensor Of(double[] values, Tensor labels, ScalarType type)
    {
        using Tensor ofClasses = tensor(values, dtype: type, device: labels.device);
        return ofClasses.index_select(0, labels);
    }
}
