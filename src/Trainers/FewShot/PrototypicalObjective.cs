using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>
/// The cross-entropy of an episode's queries over prototypes, the mean embeddings of support images (Snell, Swersky and Zemel 2017).
/// A step shows k views of each image. Each pair of way and view has its own prototype, and the loss classifies each view of a query among
/// all N*k prototypes (docs/method.md, few images).
/// </summary>
/// <param name="kind">The composition of an episode.</param>
/// <param name="episode">The size of an episode. A batch has its images way by way, with the support images of a way first.</param>
/// <param name="views">M.</param>
/// <param name="similarity">The measure of similarity between an embedding and a prototype.</param>
internal sealed class PrototypicalObjective(FewShotObjective kind, EpisodeShape episode, int views, PrototypeSimilarity similarity) : IStepObjective
{
    /// <summary>The smallest norm that the cosine divides an embedding by, so that an embedding of zeros stays zero.</summary>
    public const float SmallestNorm = 1e-8f;

    /// <summary>The size of an episode.</summary>
    public EpisodeShape Episode => episode;

    /// <summary>The most ways that one class can give to an episode.</summary>
    public int WaysPerClass => kind == FewShotObjective.ViewsAsClasses ? views : 1;

    /// <summary>k, the number of views that a step shows of an image.</summary>
    public int ViewsPerStep => kind == FewShotObjective.ViewsAsClasses ? 1 : views;

    /// <summary>The same objective for episodes of a number of classes, which may be fewer than an episode has.</summary>
    public PrototypicalObjective ForClasses(int classes) =>
        new(kind, episode with { Ways = Math.Min(episode.Ways, classes * WaysPerClass) }, views, similarity);

    /// <inheritdoc/>
    public ViewDraw Draw(Tensor labels, int viewsPerStep, Random random) => kind == FewShotObjective.ViewsAsClasses
        ? ViewDraw.Of(ViewsOfWays(labels, random), (int)labels.shape[0], views, withIdentity: false, labels.device)
        : ViewDraw.All(labels.shape[0], viewsPerStep, labels.device);

    /// <inheritdoc/>
    public Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw)
    {
        using var scope = NewDisposeScope();
        var (similarities, own) = Compare(embeddings, draw.Count);
        return nn.functional.cross_entropy(heads.Scale() * similarities, own).MoveToOuterDisposeScope();
    }

    /// <summary>Compares the queries of an episode with its prototypes.</summary>
    /// <param name="embeddings">B*k x D, image by image.</param>
    /// <param name="shown">k, the number of views of each image.</param>
    /// <returns>The similarity of each view of a query to each of the N*k prototypes, and the number of the prototype that is the view's own.</returns>
    public (Tensor Similarities, Tensor Own) Compare(Tensor embeddings, int shown)
    {
        using var scope = NewDisposeScope();
        int ways = episode.Ways;
        Tensor images = embeddings.view(ways, episode.ImagesPerWay, shown, -1);
        Tensor prototypes = images.slice(1, 0, episode.Shots, 1).mean([1]).flatten(0, 1);
        Tensor queries = images.slice(1, episode.Shots, episode.ImagesPerWay, 1).flatten(0, 2);
        Tensor own = TensorArithmetic.Range(ways * shown, embeddings.device)
            .view(ways, 1, shown).expand(ways, episode.Queries, shown).flatten();
        return (Similarities(queries, prototypes).MoveToOuterDisposeScope(), own.MoveToOuterDisposeScope());
    }

    /// <summary>The similarities of each query to each prototype: rows x D and P x D to rows x P.</summary>
    public Tensor Similarities(Tensor queries, Tensor prototypes)
    {
        using var scope = NewDisposeScope();
        if (similarity == PrototypeSimilarity.Cosine)
            return Normalized(queries).mm(Normalized(prototypes).t()).MoveToOuterDisposeScope();

        Tensor products = queries.mm(prototypes.t());
        Tensor lengths = (queries * queries).sum(1, keepdim: true).Plus((prototypes * prototypes).sum(1));
        return (products.Times(2) - lengths).MoveToOuterDisposeScope();
    }

    private static Tensor Normalized(Tensor rows) => rows / rows.norm(1, keepdim: true, p: 2).AtLeast(SmallestNorm);

    /// <summary>Draws a view for each way, the same for all images of the way. Two ways of one class have different views.</summary>
    private long[] ViewsOfWays(Tensor labels, Random random)
    {
        using Tensor onCpu = labels.cpu();
        long[] classes = onCpu.data<long>().ToArray();
        var left = new Dictionary<long, Queue<long>>();
        var numbers = new long[classes.Length];
        for (int image = 0; image < classes.Length; image += episode.ImagesPerWay)
        {
            if (!left.TryGetValue(classes[image], out var viewsLeft))
                left.Add(classes[image], viewsLeft = new Queue<long>(random.Permutation(views)));
            numbers.AsSpan(image, episode.ImagesPerWay).Fill(viewsLeft.Dequeue());
        }

        return numbers;
    }
}
