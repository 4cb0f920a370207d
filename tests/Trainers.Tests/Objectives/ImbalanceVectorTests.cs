using System.Text.Json;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Objectives;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Every objective with every loss and weighting against numbers that PyTorch made (Vectors/make_imbalance_vectors.py).</summary>
public sealed class ImbalanceVectorTests : TensorTest
{
    private const int Views = 4;
    private const int EmbeddingSize = 4;

    private static readonly JsonElement Vectors = VectorFile.Read("imbalance.json");
    private static readonly int[] Counts = Vectors.GetProperty("counts").Deserialize<int[]>()!;

    public static TheoryData<int, string> Cases
    {
        get
        {
            var cases = new TheoryData<int, string>();
            foreach (var (number, vector) in Vectors.GetProperty("cases").EnumerateArray().Index())
                cases.Add(number, $"{vector.Deserialize<Case>(VectorFile.Json)}");
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Loss_and_gradients_are_those_of_PyTorch(int number, string name)
    {
        Assert.NotEmpty(name);
        var expected = Vectors.GetProperty("cases")[number];
        var vector = expected.Deserialize<Case>(VectorFile.Json)!;
        int views = vector.Objective == SlaObjective.Baseline ? 1 : Views;
        var objective = SlaObjectives.Create(vector.Objective, Counts.Length, views, vector.Settings);
        using var heads = VectorFile.Heads(objective, EmbeddingSize, ScalarType.Float64);
        var targets = Targets(vector.Mixed);
        int images = (int)targets.Labels.shape[0];
        using var shown = vector.Draw is null
            ? ViewDraw.All(images, views, CPU)
            : ViewDraw.Of([.. vector.Draw.SelectMany(numbers => numbers)], images, views, objective.NeedsIdentity, CPU);
        Tensor rows = VectorFile.Numbers(1, images * views, EmbeddingSize)
            .index_select(0, shown.Numbers + (arange(images).repeat_interleave(shown.Count) * views)).requires_grad_();
        Tensor loss = objective.Loss(rows, heads, targets, shown);
        loss.backward();

        Assert.Equal(expected.GetProperty("value").GetDouble(), loss.item<double>(), 1e-9);
        VectorFile.AssertGradients(expected.GetProperty("gradients"), heads, rows, 1e-9);
    }

    [Fact]
    public void Until_weights_begin_the_loss_is_the_unweighted_one()
    {
        double Loss(ClassWeighting weighting, bool weighs)
        {
            var settings = new ObjectiveSettings { ClassWeighting = weighting, ClassCounts = Counts };
            var objective = SlaObjectives.Create(SlaObjective.SlaSelfDistillation, Counts.Length, Views, settings);
            using var heads = VectorFile.Heads(objective, EmbeddingSize, ScalarType.Float64);
            var targets = Targets(mixed: true) with { AreWeighted = weighs };
            using var draw = ViewDraw.All(targets.Labels.shape[0], Views, CPU);
            return objective.Loss(VectorFile.Numbers(1, targets.Labels.shape[0] * Views, EmbeddingSize), heads, targets, draw).item<double>();
        }

        Assert.Equal(Loss(ClassWeighting.None, weighs: true), Loss(ClassWeighting.InverseFrequency, weighs: false));
        Assert.NotEqual(Loss(ClassWeighting.None, weighs: true), Loss(ClassWeighting.InverseFrequency, weighs: true), 1e-3);
    }

    private static ClassTargets Targets(bool mixed)
    {
        Tensor Labels(string name) => tensor(Vectors.GetProperty(name).Deserialize<long[]>()!);
        return mixed
            ? new ClassTargets(Labels("labels"), Labels("others"), tensor(Vectors.GetProperty("shares").Deserialize<double[]>()!))
            : new ClassTargets(Labels("labels"));
    }

    private sealed record Case(
        SlaObjective Objective,
        string Loss,
        string Weighting,
        LossReduction LossReduction,
        double LabelSmoothing,
        bool Mixed,
        double Gamma,
        double LargestMargin,
        double Scale,
        long[][]? Draw)
    {
        public ObjectiveSettings Settings => new(LossReduction: LossReduction, LabelSmoothing: LabelSmoothing)
        {
            ClassificationLoss = Loss switch
            {
                "focal" => ClassificationLoss.Focal(Gamma),
                "ldam" => ClassificationLoss.Ldam(LargestMargin, Scale),
                _ => ClassificationLoss.CrossEntropy,
            },
            ClassWeighting = Weighting switch
            {
                "inverseFrequency" => ClassWeighting.InverseFrequency,
                "classBalanced" => ClassWeighting.ClassBalanced(0.99),
                _ => ClassWeighting.None,
            },
            ClassCounts = Counts,
        };

        public override string ToString() =>
            $"{Objective}, {Loss}, {Weighting}{(Draw is null ? "" : ", 2 views")}, {LossReduction}, smoothing {LabelSmoothing}{(Mixed ? ", mixed" : "")}";
    }
}
