namespace Microsoft.ML.Sla.FewShot;

/// <summary>The size of an episode.</summary>
/// <param name="Ways">N, the number of classes.</param>
/// <param name="Shots">S, the number of images that a prototype is made of.</param>
/// <param name="Queries">Q, the number of further images of a class to classify.</param>
internal readonly record struct EpisodeShape(int Ways, int Shots, int Queries)
{
    public int ImagesPerWay => Shots + Queries;

    /// <summary>Number of images in an episode, N * (S + Q).</summary>
    public int Images => Ways * ImagesPerWay;

    /// <summary>Checks that there are enough classes, and that each has enough images. Classes without images do not count.</summary>
    /// <param name="labels">The class of each image.</param>
    /// <param name="names">The names of the classes.</param>
    /// <param name="waysPerClass">The most ways that one class can give to an episode.</param>
    /// <exception cref="InvalidOperationException">There are too few classes or images; the message says what to do.</exception>
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
