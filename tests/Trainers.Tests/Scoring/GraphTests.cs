using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Transforms.Image;
using Xunit;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The ONNX graph against the torch forward pass, on random weights and running statistics.</summary>
public sealed class GraphTests
{
    private const int Classes = 5;

    private static readonly ObjectiveSettings Linear = new();
    private static readonly ObjectiveSettings Normalized = new() { ClassificationLoss = ClassificationLoss.Ldam() };

    public static TheoryData<string, int, int, int, int, bool> Networks => new()
    {
        // transformations, channels, side, depth, width, whether heads are normalised
        { "none", 3, 32, 8, 1, false },
        { "none", 3, 32, 8, 1, true },
        { "rotation", 1, 16, 8, 1, false },
        { "rotation", 3, 33, 14, 1, false },
        { "rotation", 3, 64, 8, 2, false },
        { "rotation2", 3, 24, 8, 1, false },
        { "rotation2+color3", 3, 16, 8, 1, false },
        { "rotation+color", 3, 16, 8, 1, false },
        { "color", 3, 20, 8, 1, false },
        { "rotation+color3", 3, 16, 20, 1, false },
        { "rotation+color3", 3, 16, 8, 1, true },
        { "reversal", 1, 16, 8, 1, false },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void Graph_and_forward_pass_agree_in_every_objective_and_inference(string set, int channels, int side, int depth, int width, bool normalized)
    {
        var settings = normalized ? Normalized : Linear;
        TorchLibrary.EnsureLoaded();
        var shape = new ImageShape(channels, side, side);
        foreach (var kind in Enum.GetValues<SlaObjective>())
        {
            var transformations = kind == SlaObjective.Baseline ? TransformationSet.None : Set(set, shape);
            using var scope = NewDisposeScope();
            var architecture = Architecture.CifarResNet(depth, width);
            var objective = SlaObjectives.Create(kind, Classes, transformations.Count, settings);
            using var network = new SlaNetwork(architecture, shape, objective.Heads, seed: 3);
            using var views = new ViewAugmenter(transformations, shape, CPU);
            Tensor pixels = randint(0, 256, [1, shape.Length], dtype: float32);
            using var loader = new BatchLoader(shape, PixelNormalization.ImageNet, CPU);
            Tensor images = loader.Normalize(pixels.clone().view(1, channels, side, side));

            // A few passes in training mode leave running statistics that are not those of a new network.
            for (int pass = 0; pass < 3; pass++)
                network.forward(views.Images(rand(4, shape.Length)));
            network.eval();
            var model = new TrainedModel(Describe(kind, settings, architecture, transformations, shape), network.GetWeights());

            foreach (var (inference, readout) in objective.Inferences)
            {
                Tensor logits = objective.ClassLogits(readout, network.forward(readout.AllViews ? views.Views(images) : views.Images(images)), network.Heads);
                float[] expected = logits.softmax(1).data<float>().ToArray();
                float[] values = pixels.data<float>().ToArray();
                Assert.InRange(Training.LargestDifference([expected], [Score(model.ToOnnx(inference), values)]), 0, 1e-4);

                Assert.InRange(Training.LargestDifference([expected, expected], ScoreBatch(model.ToBatchOnnx(inference, batchSize: null), values, shape)), 0, 1e-4);

                byte[] withViews = new TrainedModel(model.Description with { ViewScoresColumn = "ViewScores" }, model.Weights).ToOnnx(inference);
                float[] ofViews = objective.ViewProbabilities(network.forward(views.Views(images)), network.Heads).flatten().data<float>().ToArray();
                Assert.InRange(Training.LargestDifference([ofViews], [Score(withViews, values, "ViewScores")]), 0, 1e-4);
                Assert.InRange(Training.LargestDifference([expected], [Score(withViews, values)]), 0, 1e-4);

                // The confidence of an inference is its own, also where the graph has the views of another.
                Tensor embeddings = network.forward(readout.AllViews ? views.Views(images) : views.Images(images));
                int predicted = Array.IndexOf(expected, expected.Max());
                float[] divided = (logits / 2.5).softmax(1).data<float>().ToArray();
                float? joint = objective.JointProbabilities(readout, embeddings, network.Heads)?.data<float>()[predicted];
                foreach (float? recognition in joint is null ? new float?[] { null } : [null, 1e-3f, 10])
                {
                    var calibration = new Calibration(inference, Temperature: 2.5, recognition, new ErrorCurve([0.5f], [1], [0]));
                    float[] confidence = [recognition is null ? divided[predicted] : Math.Min(divided[predicted], joint!.Value / recognition.Value)];
                    foreach (string? viewScores in new[] { null, "ViewScores" })
                    {
                        byte[] calibrated = new TrainedModel(model.Description with { ViewScoresColumn = viewScores, ConfidenceColumn = "Confidence", Calibrations = [calibration] }, model.Weights).ToOnnx(inference);
                        Assert.InRange(Training.LargestDifference([divided], [Score(calibrated, values)]), 0, 1e-4);
                        Assert.InRange(Training.LargestDifference([confidence], [Score(calibrated, values, "Confidence")]), 0, 1e-4);
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_model_read_back_from_its_graph_writes_the_same_graph(bool normalized)
    {
        var settings = normalized ? Normalized : Linear;
        TorchLibrary.EnsureLoaded();
        var shape = new ImageShape(3, 16, 16);
        var architecture = Architecture.CifarResNet(depth: 8);
        var objective = SlaObjectives.Create(SlaObjective.SlaSelfDistillation, Classes, views: 12, settings);
        using var network = new SlaNetwork(architecture, shape, objective.Heads, seed: 3);
        var model = new TrainedModel(
            Describe(SlaObjective.SlaSelfDistillation, settings, architecture, Set("rotation+color3", shape), shape), network.GetWeights());

        foreach (var (inference, _) in objective.Inferences)
        {
            byte[] onnx = model.ToOnnx(inference);
            var (copy, savedInference) = TrainedModel.FromOnnx(ModelProto.Parser.ParseFrom(onnx));
            Assert.Equal(inference, savedInference);
            using var filled = new SlaNetwork(architecture, shape, objective.Heads, seed: 4);
            filled.SetWeights(copy.Weights);
            Assert.Equal(network.state_dict().Select(t => VectorFile.Values(t.Value)), filled.state_dict().Select(t => VectorFile.Values(t.Value)));
            foreach (var (other, _) in objective.Inferences)
                Assert.Equal(model.ToOnnx(other), copy.ToOnnx(other));
        }
    }

    private static TransformationSet Set(string name, ImageShape shape) => name == "reversal"
        ? TransformationSet.FromPermutations(name, ("backwards", [.. Enumerable.Range(0, shape.Length).Reverse()]))
        : TransformationSet.Parse(name);

    private static ModelDescription Describe(
        SlaObjective objective, ObjectiveSettings settings, Architecture architecture, TransformationSet transformations, ImageShape shape) => new(
        objective,
        settings,
        architecture,
        transformations,
        new FeatureColumn("Image", FeatureKind.Image, shape, ImageResizingEstimator.ResizingKind.IsoCrop, PixelMaximum: 255),
        PixelNormalization.ImageNet,
        new ClassLabels("Label", DataKind.String, [.. Enumerable.Range(0, Classes).Select(i => $"class {i}")]),
        "Score",
        "PredictedLabel",
        ViewScoresColumn: null,
        "0.0.0");

    private static float[] Score(byte[] onnx, float[] pixels, string output = "Score")
    {
        using var session = new InferenceSession(onnx);
        var input = NamedOnnxValue.CreateFromTensor(FeatureColumn.PixelColumn, new DenseTensor<float>(pixels, [1, pixels.Length]));
        using var results = session.Run([input], [output]);
        return results[0].AsTensor<float>().ToArray();
    }

    /// <summary>Two images of the same pixels.</summary>
    private static float[][] ScoreBatch(byte[] onnx, float[] pixels, ImageShape shape)
    {
        using var session = new InferenceSession(onnx);
        var images = new DenseTensor<float>((float[])[.. pixels, .. pixels], [2, shape.Channels, shape.Height, shape.Width]);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("Images", images)], ["Score"]);
        return [.. results[0].AsTensor<float>().Chunk(Classes)];
    }
}
