using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.FewShot;
using Microsoft.ML.Sla.Networks;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Episodes against numbers that PyTorch made (Vectors/make_fewshot_vectors.py).</summary>
public sealed class FewShotVectorTests : TensorTest
{
    private static readonly JsonElement Vectors = VectorFile.Read("fewshot.json");
    private static readonly EpisodeShape Episode = new(Number("ways"), Number("shots"), Number("queries"));
    private static readonly int EmbeddingSize = Number("embeddingSize");
    private static readonly double Scale = Math.Exp(Vectors.GetProperty("logScale").GetDouble());

    public static TheoryData<int, FewShotObjective> Cases
    {
        get
        {
            var cases = new TheoryData<int, FewShotObjective>();
            for (int number = 0; number < Vectors.GetProperty("cases").GetArrayLength(); number++)
            {
                cases.Add(number, FewShotObjective.Sla);
                if (Case(number).Views == 1)
                {
                    cases.Add(number, FewShotObjective.Baseline);
                    cases.Add(number, FewShotObjective.ViewsAsClasses);
                }
            }

            return cases;
        }
    }

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, Vectors.GetProperty("cases").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Loss_and_gradients_are_those_of_PyTorch(int number, FewShotObjective kind)
    {
        var (expected, similarity, views) = Case(number);
        const int SetOfViews = 4;
        var objective = new PrototypicalObjective(kind, Episode, kind == FewShotObjective.ViewsAsClasses ? SetOfViews : views, similarity);
        using var heads = new Heads(EmbeddingSize, [], new Random(1), Scale);
        heads.to(ScalarType.Float64);
        Tensor embeddings = Embeddings(views).requires_grad_();
        Tensor labels = arange(Episode.Ways).repeat_interleave(Episode.ImagesPerWay);
        using var draw = objective.Draw(labels, objective.ViewsPerStep, new Random(1));
        Tensor loss = objective.Loss(embeddings, heads, new ClassTargets(labels), draw);
        loss.backward();

        Assert.Equal(expected.GetProperty("loss").GetDouble(), loss.item<double>(), 1e-9);
        VectorFile.AssertClose(expected.GetProperty("embeddingGradient"), embeddings.grad!, 1e-9);
        Assert.Equal(expected.GetProperty("logScaleGradient").GetDouble(), heads.named_parameters().Single().parameter.grad!.item<double>(), 1e-9);
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Similarities_are_those_of_PyTorch(int number)
    {
        var (expected, similarity, views) = Case(number);
        var objective = new PrototypicalObjective(FewShotObjective.Sla, Episode, views, similarity);
        Tensor queries = Embeddings(views).view(Episode.Ways, Episode.ImagesPerWay, views, -1).slice(1, Episode.Shots, Episode.ImagesPerWay, 1).flatten(0, 2);
        Tensor prototypes = tensor(VectorFile.Flatten(expected.GetProperty("prototypes")).ToArray()).view(-1, EmbeddingSize);
        VectorFile.AssertClose(expected.GetProperty("similarities"), objective.Similarities(queries, prototypes), 1e-9);
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_classifier_makes_these_prototypes_and_aggregates_their_similarities_as_PyTorch_does(int number)
    {
        var (expected, similarity, views) = Case(number);
        float[][] vectors = [.. VectorFile.Values(Embeddings(views)).Select(value => (float)value).Chunk(views * EmbeddingSize)];
        var mlContext = new MLContext();
        var (support, queries) = (new List<Embedded>(), new List<Embedded>());
        for (int image = 0; image < Episode.Images; image++)
            (image % Episode.ImagesPerWay < Episode.Shots ? support : queries).Add(new Embedded { Label = $"class {image / Episode.ImagesPerWay}", Embedding = vectors[image] });
        var definition = SchemaDefinition.Create(typeof(Embedded));
        definition[nameof(Embedded.Embedding)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, views * EmbeddingSize);

        var labelled = mlContext.Data.LoadFromEnumerable(support, definition);
        var classifier = mlContext.MulticlassClassification.Trainers.PrototypeClassifier(new PrototypeClassifier.Options
        {
            Views = views,
            Similarity = similarity,
            Scale = (float)Scale,
        });
        using var model = classifier.Fit(mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(labelled).Transform(labelled));
        float[][] probabilities = Training.Scores(model.Transform(mlContext.Data.LoadFromEnumerable(queries, definition)));

        float[][] wanted = [.. VectorFile.Flatten(expected.GetProperty("probabilities")).Select(value => (float)value).Chunk(Episode.Ways)];
        Assert.Equal(wanted.Length, probabilities.Length);
        Assert.InRange(Training.LargestDifference(wanted, probabilities), 0, 1e-6);
    }

    private static (JsonElement Json, PrototypeSimilarity Similarity, int Views) Case(int number)
    {
        var json = Vectors.GetProperty("cases")[number];
        return (json, Enum.Parse<PrototypeSimilarity>(json.GetProperty("similarity").GetString()!), json.GetProperty("views").GetInt32());
    }

    private static int Number(string name) => Vectors.GetProperty(name).GetInt32();

    private static Tensor Embeddings(int views) => VectorFile.Numbers(30 + views, Episode.Images * views, EmbeddingSize);

    private sealed class Embedded
    {
        public string Label { get; set; } = "";

        public float[] Embedding { get; set; } = [];
    }
}
