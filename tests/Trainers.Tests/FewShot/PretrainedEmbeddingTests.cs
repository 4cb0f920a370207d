using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A network that others have trained as an embedding, without any training.</summary>
public sealed class PretrainedEmbeddingTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Fact]
    public void A_network_out_of_a_file_embeds_images_and_learns_classes_from_a_few()
    {
        var architecture = Architecture.FromOnnx(BackboneFile.PathOf("resnet"));
        using var embedding = SlaEmbeddingTransformer.FromBackbone(_mlContext, architecture, "Image", BackboneFile.Side, TransformationSet.Rotation);
        Assert.Equal((4, architecture.EmbeddingSize), (embedding.Views, embedding.EmbeddingSize));

        var images = Training.Images(_mlContext, classes: 2, perClass: 5);
        using var classifier = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(embedding.Transform(images));
        float[][] scores = Training.Scores(classifier.Transform(embedding.Transform(images)));
        Assert.All(scores, row => Assert.Equal(1, row.Sum(), 1e-4));
        Assert.True(scores.Select(row => row[0]).Distinct().Count() > 1, "All images have one score.");
    }

    [Fact]
    public void An_architecture_without_weights_is_refused_with_a_remedy()
    {
        string message = Assert.Throws<ArgumentException>(() => SlaEmbeddingTransformer.FromBackbone(_mlContext, Architecture.ConvNet())).Message;
        Assert.Contains("Architecture.FromOnnx", message, StringComparison.Ordinal);
    }
}
