using System.Text.Json;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Objectives;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Every objective, its options and its inferences against numbers that PyTorch made (Vectors/make_vectors.py).</summary>
public sealed class ObjectiveVectorTests : TensorTest
{
    private const int Images = 3;
    private const int Classes = 3;
    private const int EmbeddingSize = 4;

    private static readonly JsonElement Vectors = VectorFile.Read("objectives.json");

    public static TheoryData<int, ScalarType> Cases
    {
        get
        {
            var cases = new TheoryData<int, ScalarType>();
            for (int i = 0; i < Vectors.GetProperty("cases").GetArrayLength(); i++)
            {
                cases.Add(i, ScalarType.Float64);
                cases.Add(i, ScalarType.Float32);
            }

            return cases;
        }
    }

    public static TheoryData<string> SetNames => [.. Vectors.GetProperty("views").EnumerateObject().Select(set => set.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Loss_and_gradients_are_those_of_PyTorch(int number, ScalarType type)
    {
        var expected = Vectors.GetProperty("cases")[number];
        var (kind, views, draw) = expected.Deserialize<Case>(VectorFile.Json)!;
        var objective = SlaObjectives.Create(kind, Classes, views, expected.Deserialize<ObjectiveSettings>(VectorFile.Json)!);
        using var heads = VectorFile.Heads(objective, EmbeddingSize, type);
        using var shown = draw is null
            ? ViewDraw.All(Images, views, CPU)
            : ViewDraw.Of([.. draw.SelectMany(numbers => numbers)], Images, views, objective.NeedsIdentity, CPU);
        Tensor rows = Embeddings(views).index_select(0, shown.Numbers + arange(Images).repeat_interleave(shown.Count) * views)
            .to(type).requires_grad_();
        Tensor loss = objective.Loss(rows, heads, new ClassTargets(tensor(new long[] { 2, 0, 1 })), shown);
        loss.backward();

        double tolerance = type == ScalarType.Float64 ? 1e-9 : 1e-5;
        Assert.Equal(expected.GetProperty("loss").GetDouble(), loss.to(ScalarType.Float64).item<double>(), tolerance);
        VectorFile.AssertGradients(expected.GetProperty("gradients"), heads, rows, tolerance);
    }

    [Fact]
    public void Probabilities_of_each_inference_and_of_single_views_are_those_of_PyTorch()
    {
        foreach (var expected in Vectors.GetProperty("inferences").EnumerateArray())
        {
            int views = expected.GetProperty("views").GetInt32();
            foreach (var kind in expected.GetProperty("objectives").Deserialize<SlaObjective[]>(VectorFile.Json)!)
            {
                var objective = SlaObjectives.Create(kind, Classes, views, new ObjectiveSettings());
                using var heads = VectorFile.Heads(objective, EmbeddingSize, ScalarType.Float64);
                Tensor embeddings = Embeddings(views);
                foreach (var inference in new[] { SlaInference.Single, SlaInference.Aggregated })
                {
                    var readout = objective.ReadoutOf(inference);
                    Tensor rows = readout.AllViews ? embeddings : embeddings.slice(0, 0, Images * views, views);
                    VectorFile.AssertClose(expected.GetProperty($"{inference}"), objective.ClassLogits(readout, rows, heads).softmax(1), 1e-9);
                }

                VectorFile.AssertClose(expected.GetProperty("viewProbabilities"), objective.ViewProbabilities(embeddings, heads), 1e-9);
            }
        }
    }

    [Theory]
    [MemberData(nameof(SetNames))]
    public void Views_in_torch_and_in_managed_code_are_those_of_PyTorch(string name)
    {
        var set = TransformationSet.Parse(name);
        var shape = new ImageShape(3, 3, 3);
        using var augmenter = new ViewAugmenter(set, shape, CPU);
        Tensor images = arange(2 * shape.Length, dtype: float64).view(2, shape.Length);
        double[] expected = Vectors.GetProperty("views").GetProperty(name).Deserialize<double[]>()!;
        Assert.Equal(expected, VectorFile.Values(augmenter.Views(images)));
        Assert.Equal(expected, Enumerable.Range(0, 2).SelectMany(i => set.SelectMany(t => t.Apply<double>(VectorFile.Values(images[i]), shape))));
    }

    [Theory]
    [InlineData(SlaObjective.DataAugmentation, 1)]
    [InlineData(SlaObjective.DataAugmentation, 3)]
    [InlineData(SlaObjective.MultiTask, 2)]
    [InlineData(SlaObjective.Sla, 1)]
    [InlineData(SlaObjective.Sla, 2)]
    public void The_mean_loss_over_all_draws_of_k_views_is_the_loss_over_all_views(SlaObjective kind, int count)
    {
        const int Views = 4;
        var objective = SlaObjectives.Create(kind, Classes, Views, new ObjectiveSettings(LabelSmoothing: 0.1));
        using var heads = VectorFile.Heads(objective, EmbeddingSize, ScalarType.Float64);
        double[] losses = [.. Subsets(Views, count, withIdentity: false).Select(subset => Loss(subset))];
        Assert.Equal(Loss([0, 1, 2, 3]), losses.Average(), 1e-12);

        double Loss(long[] subset)
        {
            using var draw = ViewDraw.Of([.. subset, .. subset, .. subset], Images, Views, withIdentity: false, CPU);
            Tensor rows = Embeddings(Views).index_select(0, draw.Numbers + arange(Images).repeat_interleave(draw.Count) * Views);
            return objective.Loss(rows, heads, new ClassTargets(tensor(new long[] { 2, 0, 1 })), draw).item<double>();
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void With_the_identity_always_drawn_each_view_still_counts_one_Mth(int count)
    {
        const int Views = 4;
        var totals = new double[Views];
        var subsets = Subsets(Views, count, withIdentity: true).ToList();
        foreach (long[] subset in subsets)
        {
            using var draw = ViewDraw.Of(subset, 1, Views, withIdentity: true, CPU);
            for (int j = 0; j < Views; j++)
                totals[j] += draw.WeightedSum(draw.Numbers.eq(j).to(ScalarType.Float64)).item<double>();
        }

        Assert.All(totals, total => Assert.Equal(1.0 / Views, total / subsets.Count, 1e-12));
    }

    [Theory]
    [InlineData(3, false)]
    [InlineData(2, true)]
    public void Random_draws_are_distinct_views_all_equally_likely(int count, bool withIdentity)
    {
        const int Views = 5, Draws = 4000;
        using var draw = ViewDraw.Random(Draws, Views, count, withIdentity, new Random(1), CPU);
        long[][] ofImages = [.. draw.Numbers.data<long>().ToArray().Chunk(count)];
        Assert.All(ofImages, numbers => Assert.Equal(count, numbers.Distinct().Count()));
        if (withIdentity)
            Assert.All(ofImages, numbers => Assert.Equal(0, numbers[0]));

        int kept = withIdentity ? 1 : 0;
        double likelihood = (count - kept) / (double)(Views - kept);
        double deviation = Math.Sqrt(likelihood * (1 - likelihood) / Draws);
        for (int j = kept; j < Views; j++)
            Assert.Equal(likelihood, ofImages.Count(numbers => numbers.Contains(j)) / (double)Draws, 4 * deviation);
    }

    [Fact]
    public void Drawn_views_are_those_of_all_views()
    {
        var shape = new ImageShape(3, 4, 4);
        using var augmenter = new ViewAugmenter(TransformationSet.Rotation, shape, CPU);
        Tensor images = rand(5, shape.Length);
        using var draw = ViewDraw.Random(5, 4, 2, withIdentity: false, new Random(1), CPU);
        Tensor all = augmenter.Views(images).index_select(0, draw.Numbers + arange(5).repeat_interleave(2) * 4);
        Assert.Equal(VectorFile.Values(all), VectorFile.Values(augmenter.Views(images, draw)));
    }

    private static IEnumerable<long[]> Subsets(int views, int count, bool withIdentity) =>
        Enumerable.Range(0, 1 << views)
            .Where(bits => int.PopCount(bits) == count && (!withIdentity || bits % 2 == 1))
            .Select(bits => Enumerable.Range(0, views).Where(j => (bits >> j) % 2 == 1).Select(j => (long)j).ToArray());

    private static Tensor Embeddings(int views) => VectorFile.Numbers(1, Images * views, EmbeddingSize);

    private sealed record Case(SlaObjective Objective, int Views, long[][]? Draw);
}
