using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>
/// The chain of ML.NET's own transformers that scores with an ONNX model, from the feature column to Score and
/// PredictedLabel. It is what is saved, and it needs nothing of this library to run.
/// </summary>
internal static class ScoringChain
{
    public static TransformerChain<ITransformer> Create(IHostEnvironment environment, ModelDescription model, string onnxPath)
    {
        var transformers = new List<ITransformer>();
        IDataView view = EmptyInput(environment, model.Features);
        foreach (var estimator in Steps(environment, model, onnxPath))
        {
            var transformer = estimator.Fit(view);
            transformers.Add(transformer);
            view = transformer.Transform(view);
        }

        return new TransformerChain<ITransformer>([.. transformers]);
    }

    private static IEnumerable<IEstimator<ITransformer>> Steps(IHostEnvironment environment, ModelDescription model, string onnxPath)
    {
        var transforms = MLNetInternals.Transforms(environment);
        string[] temporary = [.. model.Features.TemporaryColumns, .. ClassLabels.TemporaryColumns];
        return
        [
            .. model.Features.PreparePixels(environment),
            transforms.ApplyOnnxModel([model.ScoreColumn, ClassLabels.ClassColumn], [FeatureColumn.PixelColumn], onnxPath),
            .. model.Labels.PredictedLabelSteps(environment, model.PredictedLabelColumn),
            transforms.DropColumns(temporary),
        ];
    }

    /// <summary>No rows, and only the feature column: what the steps are fitted on.</summary>
    private static IDataView EmptyInput(IHostEnvironment environment, FeatureColumn features)
    {
        var definition = SchemaDefinition.Create(typeof(Input));
        definition.Remove(definition.Single(column => column.MemberName == (features.Kind == FeatureKind.Image ? nameof(Input.Pixels) : nameof(Input.Image))));
        definition[0].ColumnName = features.Name;
        definition[0].ColumnType = features.Kind switch
        {
            FeatureKind.Image => new ImageDataViewType(),
            FeatureKind.Bytes => new VectorDataViewType(NumberDataViewType.Byte, features.Shape.Length),
            _ => new VectorDataViewType(NumberDataViewType.Single, features.Shape.Length),
        };
        return MLNetInternals.Data(environment).LoadFromEnumerable(Array.Empty<Input>(), definition);
    }

    private sealed class Input
    {
        [ImageType(1, 1)]
        public MLImage? Image { get; set; }

        public float[] Pixels { get; set; } = [];
    }
}
