using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Chains;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Files;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>Makes chains of ML.NET's own transformers that embed images and score embeddings. They run without this library.</summary>
internal static class FewShotChain
{
    /// <summary>A chain from the feature column to the embeddings.</summary>
    /// <param name="environment">The environment that scores.</param>
    /// <param name="model">The description of the embedding.</param>
    /// <param name="onnx">The file of the ONNX model. It must exist as long as the chain is used.</param>
    /// <param name="threads">Threads for the scoring of one row; null for all processors.</param>
    public static NativeChain CreateEmbedding(IHostEnvironment environment, EmbeddingDescription model, TemporaryFile onnx, int? threads) => new(
        model.Features.Empty(environment),
        [
            .. model.Features.PreparePixels(environment),
            ScoringChain.Score(environment, [model.EmbeddingColumn], onnx.Path, threads),
            MLNetInternals.Transforms(environment).DropColumns([.. model.Features.TemporaryColumns]),
        ],
        OwnedImages.Of(environment, model.Features));

    /// <summary>A chain from embeddings to Score and PredictedLabel, by their similarity to prototypes.</summary>
    /// <param name="environment">The environment that scores.</param>
    /// <param name="model">The description of the classifier.</param>
    /// <param name="onnx">The file of the ONNX model. It must exist as long as the chain is used.</param>
    public static NativeChain CreatePrototypes(IHostEnvironment environment, PrototypeDescription model, TemporaryFile onnx) => new(
        FeatureColumn.EmptyVectors(environment, model.EmbeddingColumn, model.EmbeddingSize),
        [
            ScoringChain.Score(environment, [model.ScoreColumn, ClassLabels.ClassColumn], onnx.Path, threads: 1, model.EmbeddingColumn),
            .. model.Labels.PredictedLabelSteps(environment, model.PredictedLabelColumn),
            MLNetInternals.Transforms(environment).DropColumns([.. ClassLabels.TemporaryColumns]),
        ],
        images: null);
}
