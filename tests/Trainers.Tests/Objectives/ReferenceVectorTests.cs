using System.Text.Json;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Losses, gradients, probabilities and views against numbers that PyTorch made (Vectors/README.md).</summary>
public sealed class ReferenceVectorTests : TensorTest
{
    private const int Classes = 10;
    private const int Views = 4;

    private readonly JsonElement _vectors = VectorFile.Read("sla_vectors.json");

    [Theory]
    [InlineData("sla", SlaObjective.Sla, 1, 1, ScalarType.Float64)]
    [InlineData("sla", SlaObjective.Sla, 1, 1, ScalarType.Float32)]
    [InlineData("sla_sd_T1_beta1", SlaObjective.SlaSelfDistillation, 1, 1, ScalarType.Float64)]
    [InlineData("sla_sd_T1_beta1", SlaObjective.SlaSelfDistillation, 1, 1, ScalarType.Float32)]
    [InlineData("sla_sd_T2_beta1", SlaObjective.SlaSelfDistillation, 2, 1, ScalarType.Float64)]
    [InlineData("sla_sd_T2_beta1", SlaObjective.SlaSelfDistillation, 2, 1, ScalarType.Float32)]
    [InlineData("sla_sd_T1_beta0", SlaObjective.SlaSelfDistillation, 1, 0, ScalarType.Float64)]
    [InlineData("sla_sd_T1_beta0", SlaObjective.SlaSelfDistillation, 1, 0, ScalarType.Float32)]
    public void Loss_and_gradients_are_those_of_PyTorch(string name, SlaObjective kind, double temperature, double beta, ScalarType type)
    {
        var objective = SlaObjectives.Create(kind, Classes, Views, new ObjectiveSettings(temperature, beta));
        using var heads = ReferenceHeads(objective, type);
        using var draw = ViewDraw.All(6, Views, CPU);
        Tensor loss = objective.Loss(Read("embeddings", type), heads, new ClassTargets(tensor(_vectors.GetProperty("labels").Deserialize<long[]>()!)), draw);
        loss.backward();

        var expected = _vectors.GetProperty("losses").GetProperty(name);
        double tolerance = type == ScalarType.Float64 ? 1e-9 : 1e-5;
        Assert.Equal(expected.GetProperty("loss").GetDouble(), loss.to(ScalarType.Float64).item<double>(), tolerance);

        var parameters = heads.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        string[] order = [Heads.WeightName(Head.Joint), Heads.BiasName(Head.Joint), Heads.WeightName(Head.Class), Heads.BiasName(Head.Class)];
        foreach (var (gradient, parameter) in expected.GetProperty("gradients").EnumerateArray().Zip(order))
        {
            if (gradient.ValueKind != JsonValueKind.Null)
                VectorFile.AssertClose(gradient, parameters[parameter].grad!, tolerance);
        }
    }

    [Theory]
    [InlineData(SlaInference.Aggregated, "aggregated_probabilities")]
    [InlineData(SlaInference.Single, "single_probabilities")]
    public void Probabilities_are_those_of_PyTorch(SlaInference inference, string name)
    {
        var objective = SlaObjectives.Create(SlaObjective.Sla, Classes, Views, new ObjectiveSettings());
        using var heads = ReferenceHeads(objective, ScalarType.Float64);
        var readout = objective.ReadoutOf(inference);
        Tensor embeddings = Read("embeddings", ScalarType.Float64);
        Tensor rows = readout.AllViews ? embeddings : embeddings.slice(0, 0, embeddings.shape[0], Views);
        VectorFile.AssertClose(_vectors.GetProperty(name), nn.functional.softmax(objective.ClassLogits(readout, rows, heads), 1), 1e-9);
    }

    [Fact]
    public void Views_are_those_of_PyTorchs_rot90()
    {
        using var augmenter = new ViewAugmenter(TransformationSet.Rotation, new ImageShape(3, 4, 4), CPU);
        Tensor views = augmenter.Views(Read("views_input", ScalarType.Float64).flatten(1));
        VectorFile.AssertClose(_vectors.GetProperty("views"), views, 0);
    }

    private Heads ReferenceHeads(Objective objective, ScalarType type)
    {
        const int EmbeddingSize = 5;
        var heads = new Heads(EmbeddingSize, objective.Heads, new Random(1));
        heads.to(type);
        using var noGradient = no_grad();
        foreach (var (name, parameter) in heads.named_parameters())
            parameter.copy_(Read(name.Replace("_head", "", StringComparison.Ordinal), type));
        return heads;
    }

    private Tensor Read(string name, ScalarType type) => Read(_vectors.GetProperty(name)).to(type);

    private static Tensor Read(JsonElement json)
    {
        var shape = new List<long>();
        for (var level = json; level.ValueKind == JsonValueKind.Array; level = level[0])
            shape.Add(level.GetArrayLength());
        return tensor(VectorFile.Flatten(json).ToArray()).reshape([.. shape]);
    }
}
