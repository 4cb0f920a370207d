using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Chains;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Files;
using Microsoft.ML.Transforms.Onnx;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>
/// Makes the chain of ML.NET's own transformers that scores with an ONNX model, from the feature column to Score and PredictedLabel. A saved
/// model is this chain. It runs without this library.
/// </summary>
internal static class ScoringChain
{
    /// <summary>Makes the chain.</summary>
    /// <param name="environment">The environment that scores.</param>
    /// <param name="model">The description of the model.</param>
    /// <param name="onnx">The file of the ONNX model. It must exist as long as the chain is used.</param>
    /// <param name="threads">Threads for the scoring of one row; null for all processors.</param>
    public static NativeChain Create(IHostEnvironment environment, ModelDescription model, TemporaryFile onnx, int? threads) =>
        new(model.Features.Empty(environment), Steps(environment, model, onnx.Path, threads), OwnedImages.Of(environment, model.Features));

    /// <summary>Makes a chain that ends with the graph of <see cref="Int8Graph.WithRanges"/>. It owns the file.</summary>
    public static NativeChain CreateRanges(IHostEnvironment environment, ModelDescription model, TemporaryFile onnx) => new(
        model.Features.Empty(environment),
        [
            .. model.Features.PreparePixels(environment),
            Score(environment, [Int8Graph.RangesColumn], onnx.Path, threads: 1),
        ],
        OwnedImages.Of(environment, model.Features),
        onnx);

    private static IEnumerable<IEstimator<ITransformer>> Steps(IHostEnvironment environment, ModelDescription model, string onnxPath, int? threads)
    {
        var transforms = MLNetInternals.Transforms(environment);
        string?[] all = [model.ScoreColumn, model.ViewScoresColumn, model.ConfidenceColumn, ClassLabels.ClassColumn];
        string[] outputs = [.. all.OfType<string>()];
        string[] temporary = [.. model.Features.TemporaryColumns, .. ClassLabels.TemporaryColumns];
        return
        [
            .. model.Features.PreparePixels(environment),
            Score(environment, outputs, onnxPath, threads),
            .. model.Labels.PredictedLabelSteps(environment, model.PredictedLabelColumn),
            transforms.DropColumns(temporary),
        ];
    }

    /// <summary>The step that runs an ONNX model.</summary>
    /// <param name="environment">The environment that scores.</param>
    /// <param name="outputs">The outputs that become columns.</param>
    /// <param name="onnxPath">The file of the model.</param>
    /// <param name="threads">Threads for the scoring of one row; null for all processors.</param>
    /// <param name="input">The input column.</param>
    public static OnnxScoringEstimator Score(IHostEnvironment environment, string[] outputs, string onnxPath, int? threads, string input = FeatureColumn.PixelColumn) =>
        MLNetInternals.Transforms(environment).ApplyOnnxModel(new OnnxOptions
        {
            ModelFile = onnxPath,
            InputColumns = [input],
            OutputColumns = outputs,
            IntraOpNumThreads = threads,
        });
}
