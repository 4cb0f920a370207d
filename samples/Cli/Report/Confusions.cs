namespace Sla.Report;

/// <summary>Numbers of images by their class and the class that is predicted.</summary>
/// <param name="ClassNames">The names of the N classes.</param>
/// <param name="Counts">Number of images: N rows of true classes, N columns of predicted ones.</param>
internal sealed record Confusions(IReadOnlyList<string> ClassNames, IReadOnlyList<IReadOnlyList<double>> Counts)
{
    /// <summary>The share of a class's images that are predicted to be of another or the same; 0 where the class has no images.</summary>
    public double Share(int truth, int predicted) => Counts[truth][predicted] == 0 ? 0 : Counts[truth][predicted] / Counts[truth].Sum();

    /// <summary>The wrong predictions of most images first; those of equally many in the order of the classes.</summary>
    public IEnumerable<Confusion> MostFrequent() =>
        from truth in Enumerable.Range(0, ClassNames.Count)
        from predicted in Enumerable.Range(0, ClassNames.Count)
        where truth != predicted && Counts[truth][predicted] > 0
        orderby Counts[truth][predicted] descending
        select new Confusion(ClassNames[truth], ClassNames[predicted], (int)Counts[truth][predicted], Share(truth, predicted));
}

/// <summary>Images of one class that are predicted to be of another.</summary>
/// <param name="Truth">Their class.</param>
/// <param name="Predicted">The class that is predicted.</param>
/// <param name="Images">How many.</param>
/// <param name="Share">Their share of the images of their class.</param>
internal sealed record Confusion(string Truth, string Predicted, int Images, double Share);
