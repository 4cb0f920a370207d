using System.Text.Json;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training.Frozen;
using TorchSharp;
using Xunit;
using static Microsoft.ML.Sla.Tests.HeadFixture;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Heads on embeddings: against scikit-learn, and at their own optimum.</summary>
public sealed class HeadSolverTests : IDisposable
{
    private const double Tolerance = 1e-6;

    private static readonly Action NoCancellation = () => { };

    private readonly DisposeScope _scope;

    public HeadSolverTests()
    {
        TorchLibrary.EnsureLoaded();
        _scope = NewDisposeScope();
    }

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Linear_heads_are_those_of_scikit_learn()
    {
        var vectors = VectorFile.Read("heads.json");
        using var store = Store(stream: 20, Labels(vectors, "labels"));
        using var testStore = Store(stream: 21, Labels(vectors, "testLabels"));
        EmbeddedImages training = store.All, test = testStore.All;
        foreach (var expected in vectors.GetProperty("cases").EnumerateArray())
        {
            var settings = Settings(training, expected.GetProperty("isByInverseFrequency").GetBoolean());
            var objective = SlaObjectives.Create(SlaObjective.Baseline, Classes, views: 1, settings);
            using var heads = Zero(new Heads(EmbeddingSize, objective.Heads, new Random(1)));
            using var solver = new HeadSolver(objective, training, ImageWeights(settings));
            solver.Solve(heads, [.. heads.parameters()], new HeadPenalty(expected.GetProperty("penalty").GetDouble()), Tolerance, NoCancellation);

            VectorFile.AssertClose(expected.GetProperty("weight"), heads.get_parameter(Heads.WeightName(Head.Class))!, 1e-3);
            Tensor bias = heads.get_parameter(Heads.BiasName(Head.Class))!;
            VectorFile.AssertClose(expected.GetProperty("bias"), bias - bias.mean(), 1e-3);

            var (embeddings, labels) = Batch(test);
            Tensor logits = objective.ClassLogits(new Readout(Head.Class, AllViews: false), embeddings, heads);
            Assert.Equal(expected.GetProperty("accuracy").GetDouble(), logits.argmax(1).eq(labels).to(ScalarType.Float64).mean().item<double>(), 1e-6);
            Assert.Equal(expected.GetProperty("logLoss").GetDouble(), nn.functional.cross_entropy(logits, labels).item<float>(), 1e-3);
        }
    }

    [Theory]
    [MemberData(nameof(HeadFixture.Objectives), MemberType = typeof(HeadFixture))]
    public void At_the_solution_the_gradient_of_the_objective_is_zero(SlaObjective kind, bool isWeighted, bool isLdam)
    {
        const double Penalty = 0.01;
        using var store = OfViews(kind, count: 80);
        var images = store.All;
        var settings = Settings(images, isWeighted, isLdam);
        var objective = SlaObjectives.Create(kind, Classes, images.Views, settings);
        using var heads = new Heads(EmbeddingSize, objective.Heads, new Random(1));
        var stages = HeadSettings.Of(kind, objective, settings, Classes, objective.Inferences[0].Inference, seed: 1).Stages;
        foreach (var stage in stages)
        {
            using var solver = new HeadSolver(stage.Objective, images, ImageWeights(settings));
            solver.Solve(heads, stage.ParametersOf(heads), new HeadPenalty(Penalty), Tolerance, NoCancellation);
        }

        var (embeddings, labels) = Batch(images);
        using var draw = ViewDraw.All(images.Count, images.Views, CPU);
        foreach (var parameter in heads.parameters())
            parameter.grad = null;
        objective.Loss(embeddings, heads, new ClassTargets(labels), draw).backward();
        foreach (var (name, parameter) in heads.named_parameters())
        {
            bool isLinear = objective.Heads.All(head => Heads.WeightName(head.Head) != name || head.CosineScale is null);
            Tensor gradient = parameter.grad! + (parameter.dim() > 1 && isLinear ? parameter.detach() * Penalty : zeros_like(parameter));
            double largest = gradient.abs().max().item<float>();
            Assert.True(largest < (isLdam ? 2e-2 : 1e-3), $"{name} has a gradient of {largest}");
        }
    }

    [Fact]
    public void The_weights_of_linear_heads_are_penalised_and_no_others()
    {
        var ldam = new ObjectiveSettings { ClassificationLoss = ClassificationLoss.Ldam(), ClassCounts = [1, 1, 1] };
        string joint = Heads.WeightName(Head.Joint), ofClass = Heads.WeightName(Head.Class), transformation = Heads.WeightName(Head.Transformation);
        Assert.Equal([joint, ofClass], Penalised(SlaObjective.SlaSelfDistillation, new ObjectiveSettings()));
        Assert.Equal([ofClass, transformation], Penalised(SlaObjective.MultiTask, new ObjectiveSettings()));
        Assert.Equal([transformation], Penalised(SlaObjective.MultiTask, ldam));
        Assert.Empty(Penalised(SlaObjective.Sla, ldam));

        static IEnumerable<string> Penalised(SlaObjective kind, ObjectiveSettings settings) =>
            HeadSolver.PenalizedWeights(SlaObjectives.Create(kind, Classes, Views, settings));
    }

    [Fact]
    public void A_penalty_shrinks_linear_heads_and_leaves_the_length_of_normalised_ones()
    {
        double loose = Norm(isLdam: false, penalty: 1e-4), strict = Norm(isLdam: false, penalty: 1);
        Assert.True(strict < loose / 2, $"{loose} and {strict}");
        Assert.Equal(Norm(isLdam: true, penalty: 1e-4), Norm(isLdam: true, penalty: 1));

        static double Norm(bool isLdam, double penalty)
        {
            using var store = OfViews(SlaObjective.Sla, count: 60);
            var images = store.All;
            var settings = Settings(images, isLdam: isLdam);
            var objective = SlaObjectives.Create(SlaObjective.Sla, Classes, Views, settings);
            using var heads = new Heads(EmbeddingSize, objective.Heads, new Random(1));
            using var solver = new HeadSolver(objective, images, null);
            solver.Solve(heads, [.. heads.parameters()], new HeadPenalty(penalty), Tolerance, NoCancellation);
            return heads.get_parameter(Heads.WeightName(Head.Joint))!.norm().item<float>();
        }
    }

    [Fact]
    public void With_a_penalty_on_differences_the_gradient_at_the_solution_is_zero()
    {
        var penalty = new HeadPenalty(0.01, 30);
        using var store = OfViews(SlaObjective.Sla, count: 80);
        var images = store.All;
        var objective = SlaObjectives.Create(SlaObjective.Sla, Classes, Views, new ObjectiveSettings());
        using var heads = Zero(new Heads(EmbeddingSize, objective.Heads, new Random(1)));
        using var solver = new HeadSolver(objective, images, null);
        solver.Solve(heads, [.. heads.parameters()], penalty, Tolerance, NoCancellation);

        var (embeddings, labels) = Batch(images);
        using var draw = ViewDraw.All(images.Count, Views, CPU);
        var weight = heads.get_parameter(Heads.WeightName(Head.Joint))!;
        weight.grad = null;
        objective.Loss(embeddings, heads, new ClassTargets(labels), draw).backward();

        // The penalty is strength / 2 times the squares of the shared parts and 30 times those of the rest.
        Tensor weights = weight.detach().reshape(Classes, Views, EmbeddingSize);
        Tensor parts = weights.mean([0], keepdim: true) + weights.mean([1], keepdim: true) - weights.mean([0, 1], keepdim: true);
        Tensor slope = 0.01 * (parts + (30 * (weights - parts)));
        double largest = (weight.grad!.reshape(Classes, Views, EmbeddingSize) + slope).abs().max().item<float>();
        Assert.True(largest < 1e-3, $"{largest}");
    }

    [Fact]
    public void A_high_penalty_on_differences_makes_the_classes_of_all_views_alike()
    {
        using var store = OfViews(SlaObjective.Sla, count: 60);
        var objective = SlaObjectives.Create(SlaObjective.Sla, Classes, Views, new ObjectiveSettings());
        using var heads = Zero(new Heads(EmbeddingSize, objective.Heads, new Random(1)));
        using var solver = new HeadSolver(objective, store.All, null);
        double free = Differences(new HeadPenalty(1e-3)), alike = Differences(new HeadPenalty(1e-3, 1e4));
        Assert.True(alike < 1e-2 * free, $"{alike} and {free}");

        double Differences(HeadPenalty penalty)
        {
            solver.Solve(heads, [.. heads.parameters()], penalty, Tolerance, NoCancellation);
            Tensor weights = heads.get_parameter(Heads.WeightName(Head.Joint))!.detach().reshape(Classes, Views, EmbeddingSize);
            Tensor centred = weights - weights.mean([0], keepdim: true) - weights.mean([1], keepdim: true) + weights.mean([0, 1], keepdim: true);
            return centred.norm().item<float>();
        }
    }

    [Fact]
    public void The_value_of_many_images_in_pieces_is_that_of_all_of_them()
    {
        // Two images 3000 times each are more than a piece, and the optimum is that of the two.
        using var two = Store(stream: 20, [0, 1]);
        float[][] values = Embeddings.Values(two);
        int[] numbers = [.. Enumerable.Range(0, 6000).Select(i => i % 2)];
        using var many = Embeddings.Store(numbers, Array.ConvertAll(numbers, number => values[number]));
        Assert.Equal(2, many.All.Pieces.Count());
        Assert.Equal(Value(two.All), Value(many.All), 1e-5);

        static double Value(EmbeddedImages images)
        {
            var objective = SlaObjectives.Create(SlaObjective.Baseline, Classes, views: 1, new ObjectiveSettings());
            using var heads = Zero(new Heads(EmbeddingSize, objective.Heads, new Random(1)));
            using var solver = new HeadSolver(objective, images, null);
            return solver.Solve(heads, [.. heads.parameters()], new HeadPenalty(0.1), Tolerance, NoCancellation).Value;
        }
    }

    [Fact]
    public void Heads_on_embeddings_in_a_file_are_those_on_embeddings_in_memory_bit_for_bit()
    {
        int[] labels = LabelsOf(5000);
        float[][] values = ValuesOf(labels, Views);
        Assert.Equal(Solve(long.MaxValue), Solve(budget: 1));

        float[] Solve(long budget)
        {
            using var store = Embeddings.Store(labels, values, Views, budget, Path.GetTempPath());
            var images = new EmbeddedImages(store, new ImageRange(0, 101), new ImageRange(102, 4898));
            Assert.Equal((3, budget == 1), (images.Pieces.Count(), store.BytesInMemory < store.Bytes));
            var objective = SlaObjectives.Create(SlaObjective.Sla, Classes, Views, new ObjectiveSettings());
            using var heads = Zero(new Heads(EmbeddingSize, objective.Heads, new Random(1)));
            using var solver = new HeadSolver(objective, images, null);
            solver.Solve(heads, [.. heads.parameters()], new HeadPenalty(0.1), Tolerance, NoCancellation);
            return [.. heads.get_parameter(Heads.WeightName(Head.Joint))!.detach().data<float>()];
        }
    }

    [Theory]
    [MemberData(nameof(HeadFixture.Objectives), MemberType = typeof(HeadFixture))]
    public void Pieces_of_one_class_each_have_the_optimum_of_all_images(SlaObjective kind, bool isWeighted, bool isLdam)
    {
        int views = ViewsOf(kind);
        int[] labels = [.. LabelsOf(60).Order()];
        using var store = Embeddings.Store(labels, ValuesOf(labels, views), views);
        EmbeddedImages whole = store.All, pieces = new(store, new ImageRange(0, 24), new ImageRange(24, 24), new ImageRange(48, 12));
        Assert.Equal((1, 3), (whole.Pieces.Count(), pieces.Pieces.Count()));
        var settings = Settings(whole, isWeighted, isLdam);
        var objective = SlaObjectives.Create(kind, Classes, views, settings);
        using Heads ofWhole = new(EmbeddingSize, objective.Heads, new Random(1)), ofPieces = new(EmbeddingSize, objective.Heads, new Random(1));
        foreach (var stage in HeadSettings.Of(kind, objective, settings, Classes, objective.Inferences[0].Inference, seed: 1).Stages)
            Assert.Equal(Value(ofWhole, stage, whole), Value(ofPieces, stage, pieces), 1e-4);

        double Value(Heads heads, HeadStage stage, EmbeddedImages images)
        {
            using var solver = new HeadSolver(stage.Objective, images, ImageWeights(settings));
            return solver.Solve(heads, stage.ParametersOf(heads), new HeadPenalty(0.1), Tolerance, NoCancellation).Value;
        }
    }

    /// <summary>Images of one view, whose values are numbers of the formula.</summary>
    private static EmbeddingStore Store(int stream, int[] labels) => Embeddings.Store(
        labels,
        [.. Enumerable.Range(0, labels.Length).Select(image => Enumerable.Range(0, EmbeddingSize).Select(i => (float)VectorFile.Number(stream, (image * EmbeddingSize) + i)).ToArray())]);

    private static (Tensor Embeddings, Tensor Labels) Batch(EmbeddedImages images)
    {
        var piece = Assert.Single(images.Pieces);
        return (images.Store.Read(piece, images.Views), images.LabelsOf(piece));
    }

    private static double[]? ImageWeights(ObjectiveSettings settings) =>
        settings.ClassWeighting is NoWeighting ? null : settings.ClassWeighting.Weights(settings.ClassCounts);

    private static Heads Zero(Heads heads)
    {
        using var noGradient = no_grad();
        foreach (var parameter in heads.parameters())
            parameter.zero_();
        return heads;
    }

    private static int[] Labels(JsonElement vectors, string name) => [.. vectors.GetProperty(name).EnumerateArray().Select(label => label.GetInt32())];
}
