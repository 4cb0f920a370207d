using Microsoft.ML.Sla.Training.Frozen;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Stores of given embeddings, and what is in them.</summary>
internal static class Embeddings
{
    /// <summary>A store in memory.</summary>
    /// <param name="labels">The class of each image.</param>
    /// <param name="values">M x D values of each image.</param>
    /// <param name="views">M.</param>
    /// <param name="budget">The bytes that may be in memory.</param>
    /// <param name="folder">The folder of the file.</param>
    public static EmbeddingStore Store(int[] labels, float[][] values, int views = 1, long budget = long.MaxValue, string folder = "")
    {
        var store = new EmbeddingStore(labels, views, values[0].Length / views, budget, folder);
        for (int image = 0; image < labels.Length; image++)
            Write(store, image, values[image]);
        return store;
    }

    /// <summary>Images by folds, in a store in memory.</summary>
    public static FrozenSplits ByFolds(int[] labels, float[][] values, int views, int seed = 1)
    {
        var splits = FrozenSplits.ByFolds(labels, forms: 1, seed, ofStore => new EmbeddingStore(ofStore, views, values[0].Length / views, long.MaxValue, ""));
        for (int image = 0; image < labels.Length; image++)
            Write(splits.Store, splits.Places[image], values[image]);
        return splits;
    }

    /// <summary>M x D values of each image of a store.</summary>
    public static float[][] Values(EmbeddingStore store) => Values(store.All);

    /// <summary>M x D values of each image.</summary>
    public static float[][] Values(EmbeddedImages images) => [.. images.Pieces.SelectMany(piece =>
    {
        using var rows = images.Store.Read(piece, images.Views);
        return rows.contiguous().data<float>().ToArray().Chunk(images.Views * images.Size);
    })];

    private static void Write(EmbeddingStore store, int image, float[] values)
    {
        for (int view = 0; view < store.Views; view++)
            store.Write(image, view, values.AsSpan(view * store.Size, store.Size));
    }
}
