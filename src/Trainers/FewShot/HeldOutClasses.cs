using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training.Frozen;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>Episodes of classes by which a map is measured that was made of other classes.</summary>
internal sealed class HeldOutClasses : IDisposable
{
    private readonly PrototypicalObjective _objective;
    private readonly Tensor _embeddings;
    private readonly List<Tensor> _episodes = [];

    /// <summary>Draws the episodes.</summary>
    /// <param name="objective">The objective. Where there are fewer classes than an episode has, the episodes have them all.</param>
    /// <param name="others">Images of the classes that maps are made of.</param>
    /// <param name="heldOut">Images of the classes to measure.</param>
    /// <param name="episodes">Number of episodes.</param>
    /// <param name="random">The source of random numbers for classes, images and views.</param>
    public HeldOutClasses(PrototypicalObjective objective, EmbeddedImages others, EmbeddedImages heldOut, int episodes, Random random)
    {
        _objective = objective.ForClasses(heldOut.Labels.Distinct().Count());
        Discriminant = PairDiscriminant.Of(others);
        _embeddings = Embeddings(heldOut);
        var draw = new EpisodeDraw(_objective.Episode, heldOut.Labels.Select((label, image) => (image, label)), objective.WaysPerClass);
        for (int episode = 0; episode < episodes; episode++)
            _episodes.Add(Views(draw.Next(random), heldOut, random));
    }

    /// <summary>The discriminant of the other classes.</summary>
    public PairDiscriminant Discriminant { get; }

    /// <summary>Compares the queries of all episodes with their prototypes.</summary>
    /// <param name="map">The map, K x D.</param>
    /// <returns>The similarities of each view of a query to the prototypes of its episode, and the number of the view's own prototype.</returns>
    public (Tensor Similarities, Tensor Own) Compare(Tensor map)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor mapped = _embeddings.mm(map.t());
        var (similarities, own) = (new List<Tensor>(), new List<Tensor>());
        foreach (Tensor episode in _episodes)
        {
            using Tensor views = mapped.index_select(0, episode);
            var compared = _objective.Compare(views, _objective.ViewsPerStep);
            similarities.Add(compared.Similarities);
            own.Add(compared.Own);
        }

        return (cat(similarities).to(float64).MoveToOuterDisposeScope(), cat(own).MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        Discriminant.Dispose();
        _embeddings.Dispose();
        foreach (Tensor episode in _episodes)
            episode.Dispose();
    }

    private static Tensor Embeddings(EmbeddedImages images)
    {
        using var scope = NewDisposeScope();
        return cat([.. images.Pieces.Select(piece => images.Store.Read(piece, images.Views).clone())]).DetachFromDisposeScope();
    }

    /// <summary>The rows of the embeddings that an episode shows.</summary>
    private Tensor Views(int[] images, EmbeddedImages heldOut, Random random)
    {
        using Tensor labels = tensor(Array.ConvertAll(images, image => (long)heldOut.Labels[image]));
        using ViewDraw draw = _objective.Draw(labels, heldOut.Views, random);
        long[] numbers = draw.Numbers.data<long>().ToArray();
        return tensor([.. numbers.Select((view, row) => ((long)images[row / draw.Count] * heldOut.Views) + view)]).DetachFromDisposeScope();
    }
}
