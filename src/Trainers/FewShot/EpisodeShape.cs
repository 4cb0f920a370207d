namespace Microsoft.ML.Sla.FewShot;

/// <summary>The size of an episode.</summary>
/// <param name="Ways">N, the number of classes.</param>
/// <param name="Shots">S, images of a class that its prototype is made of.</param>
/// <param name="Queries">Q, further images of a class that are classified.</param>
internal readonly record struct EpisodeShape(int Ways, int Shots, int Queries)
{
    public int ImagesPerWay => Shots + Queries;

    /// <summary>N * (S + Q).</summary>
    public int Images => Ways * ImagesPerWay;

    /// <summary>Checks that classes are enough, and have images enough; classes without any do not count.</summary>
    /// <param name="labels">The class of each image.</param>
    /// <param name="names">The names of the classes.</param>
    /// <param name="waysPerClass">How many ways one class can give.</param>
    /// <exception cref="InvalidOperationException">They are not; the message says what to do.</exception>
    public void Check(IEnumerable<int> labels, IReadOnlyList<string> names, int waysPerClass = 1)
    {
        var counts = labels.CountBy(label => label).OrderBy(count => count.Key).ToList();
        foreach (var (label, count) in counts)
        {
            if (count < ImagesPerWay)
            {
                throw new InvalidOperationException(
                    $"The class '{names[label]}' has {count} images, and an episode takes {ImagesPerWay} of a class (Shots {Shots} and Queries {Queries}). "
                    + "Give more images of it, leave the class out, or lower Shots or Queries.");
            }
        }

        if (counts.Count * waysPerClass < Ways)
        {
            throw new InvalidOperationException(
                $"There are {counts.Count} classes{(waysPerClass > 1 ? $" of {waysPerClass} views each" : "")}, and an episode has {Ways} ways. "
                + "Lower Ways, or give images of more classes.");
        }
    }
}
