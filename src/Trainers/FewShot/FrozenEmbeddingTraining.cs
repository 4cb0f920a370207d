using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;
using TorchSharp;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>
/// The training of an embedding on a backbone that stays as it is. It computes the embeddings of all views once, and finds a linear map of them
/// (docs/method.md, few images).
/// </summary>
/// <param name="plan">The plan of the training.</param>
/// <param name="channel">The log.</param>
internal sealed class FrozenEmbeddingTraining(EmbeddingPlan plan, IChannel channel)
{
    /// <summary>Number of principal axes that the map is made on. Their covariances take time with the third power of it.</summary>
    private const int MostAxes = 512;

    /// <summary>Embeds the images, and finds the map.</summary>
    /// <exception cref="InvalidOperationException">Memory runs out, or the backbone makes infinite or NaN values.</exception>
    /// <exception cref="IOException">The embeddings need a file, and its folder or disk does not take it.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled. The checkpoint folder, if there is one, keeps the embeddings.</exception>
    public EmbeddingModel Train() => plan.Host.Compute(() =>
    {
        var weights = BackboneWeights();
        var description = WithPrecision(weights);
        var search = new MapSearch(plan, channel);
        TrainerHost.Info(channel, plan.InWords(description.Int8Ranges is null ? torch.ScalarType.Float32 : torch.ScalarType.Int8));
        plan.Options.Notify(observer => observer.OnStart(
            plan.Started(search.Candidates, search.Steps) with { CheckpointPath = plan.Options.CheckpointFolder ?? "" }));

        using var store = Embed(description, weights, search.Order());
        var images = store.All;
        var standardization = Standardization.Of(images);
        standardization.Apply(store);
        var axes = PrincipalAxes.Of(images, MostAxes);
        axes.Project(store);
        var found = search.Find(store);
        SetMap(weights, axes.Back(found.Map), standardization);
        plan.Options.Notify(observer => observer.OnEnd(found.History));
        return new EmbeddingModel(description with { MapSize = found.Size, Scale = found.Scale, History = found.History }, weights);
    });

    private Weights BackboneWeights() => plan.Description.Architecture.InitialWeights is { } ofFile
        ? new Weights(ofFile)
        : plan.Pretrained!.BackboneOf(plan.Description.Architecture, plan.Description.Features.Shape, plan.Host.Seed);

    /// <summary>The description in the precision of the options.</summary>
    private EmbeddingDescription WithPrecision(Weights weights) => !plan.Host.ComputesInInt8(plan.Description.Architecture)
        ? plan.Description
        : plan.Description with { Int8Ranges = BackboneRanges.Measure(plan.Description, weights, plan.Rows, plan.Host) };

    /// <summary>Embeds the images.</summary>
    /// <param name="description">The network.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="order">The number of the row of each image of the result.</param>
    private EmbeddingStore Embed(EmbeddingDescription description, Weights weights, int[] order)
    {
        int[] labels = plan.Rows.Labels, places = new int[order.Length];
        for (int place = 0; place < order.Length; place++)
            places[order[place]] = place;

        var store = EmbeddingStore.Of(description, [.. order.Select(row => labels[row])], plan.Options);
        try
        {
            TrainerHost.Info(channel, $"{store}");
            using var run = new EmbeddingRun(plan.Host, channel, description, weights, plan.Options);
            run.Embed(plan.Rows, [null], store, places);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Writes the standardisation and the map behind it as one map.</summary>
    private static void SetMap(Weights weights, float[] map, Standardization standardization)
    {
        var (scale, shift) = standardization;
        int size = scale.Length;
        float[] bias = [.. map.Chunk(size).Select(row => (float)row.Zip(shift, (weight, term) => (double)weight * term).Sum())];
        float[] scaled = [.. map.Select((weight, i) => weight * scale[i % size])];
        weights[EmbeddingDescription.MapWeightName] = ([bias.Length, size], scaled);
        weights[EmbeddingDescription.MapBiasName] = ([bias.Length], bias);
    }
}
