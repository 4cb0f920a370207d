using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training.Frozen;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Small problems for heads: images of noise around points, and settings of objectives.</summary>
internal static class HeadFixture
{
    public const int Classes = 3;
    public const int Views = 4;
    public const int EmbeddingSize = 6;

    /// <summary>Objectives with and without class weights, and with LDAM.</summary>
    public static TheoryData<SlaObjective, bool, bool> Objectives
    {
        get
        {
            var data = new TheoryData<SlaObjective, bool, bool>();
            foreach (var objective in Enum.GetValues<SlaObjective>())
            {
                data.Add(objective, false, false);
                data.Add(objective, true, false);
                data.Add(objective, false, true);
            }

            return data;
        }
    }

    public static EmbeddingStore OfViews(SlaObjective kind, int count) =>
        Embeddings.Store(LabelsOf(count), ValuesOf(LabelsOf(count), ViewsOf(kind)), ViewsOf(kind));

    public static int ViewsOf(SlaObjective kind) => kind == SlaObjective.Baseline ? 1 : Views;

    public static int[] LabelsOf(int count) => [.. Enumerable.Range(0, count).Select(image => image % 5 % Classes)];

    /// <summary>Noise around a point for each class and view, or for each class alone.</summary>
    public static float[][] ValuesOf(int[] labels, int views, bool areAlike = false) => [.. labels.Select((label, image) => Enumerable.Range(0, views * EmbeddingSize).Select(i =>
        (float)(VectorFile.Number(40 + label, areAlike ? i % EmbeddingSize : i) + (1.5 * VectorFile.Number(50, (image * views * EmbeddingSize) + i)))).ToArray())];

    public static ObjectiveSettings Settings(EmbeddedImages images, bool isWeighted = false, bool isLdam = false) => new()
    {
        ClassCounts = [.. Enumerable.Range(0, Classes).Select(label => images.Labels.Count(of => of == label))],
        ClassWeighting = isWeighted ? ClassWeighting.InverseFrequency : ClassWeighting.None,
        ClassificationLoss = isLdam ? ClassificationLoss.Ldam() : ClassificationLoss.CrossEntropy,
    };
}
