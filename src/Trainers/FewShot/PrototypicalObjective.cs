using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>
/// The cross-entropy of an episode's queries over prototypes, the mean embeddings of support images (Snell, Swersky and Zemel 2017).
/// With k views of an image shown, each pair of way and view has its own prototype, and a query's view is classified among all N*k
/// (docs/method.md, few images).
/// </summary>
/// <param name="kind">What an episode is made of.</param>
/// <param name="episode">Its size. A batch has its images way by way, those of the support first.</param>
/// <param name="views">M.</param>
/// <param name="similarity">How near an embedding is to a prototype.</param>
internal sealed class PrototypicalObjective(FewShotObjective kind, EpisodeShape episode, int views, PrototypeSimilarity similarity) : IStepObjective
{
    /// <summary>The length that shorter embeddings are divided by for the cosine, so that one of zeros has no direction.</summary>
    public const float SmallestNorm = 1e-8f;

    /// <summary>How many ways of an episode one class can give.</summary>
    public int WaysPerClass => kind == FewShotObjective.ViewsAsClasses ? views : 1;

    /// <summary>k, the number of views that a step shows of an image.</summary>
    public int ViewsPerStep => kind == FewShotObjective.ViewsAsClasses ? 1 : views;

    /// <inheritdoc/>
    public ViewDraw Draw(Tensor labels, int viewsPerStep, Random random) => kind == FewShotObjective.ViewsAsClasses
        ? ViewDraw.Of(ViewsOfWays(labels, random), (int)labels.shape[0], views, withIdentity: false, labels.device)
        : ViewDraw.All(labels.shape[0], viewsPerStep, labels.device);

    /// <inheritdoc/>
    public Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw)
    {
        using var scope = NewDisposeScope();
        int ways = episode.Ways, shown = draw.Count;
        Tensor images = embeddings.view(ways, episode.ImagesPerWay, shown, -1);
        Tensor prototypes = images.slice(1, 0, episode.Shots, 1).mean([1]).flatten(0, 1);
        Tensor queries = images.slice(1, episode.Shots, episode.ImagesPerWay, 1).flatten(0, 2);
        Tensor logits = heads.Scale() * Similarities(queries, prototypes);
        Tensor own = TensorArithmetic.Range(ways * shown, embeddings.device)
            .view(ways, 1, shown).expand(ways, episode.Queries, shown).flatten();
        return nn.functional.cross_entropy(logits, own).MoveToOuterDisposeScope();
    }

    /// <summary>Of each query to each prototype: rows x D and P x D to rows x P.</summary>
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

    /// <summary>A view for each way, the same for all of its images. The ways of a class have different ones.</summary>
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
