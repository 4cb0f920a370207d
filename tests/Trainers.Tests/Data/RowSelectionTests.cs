using Microsoft.ML.Sla.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Orders and parts of rows.</summary>
public sealed class RowSelectionTests
{
    [Fact]
    public void Each_beginning_of_interleaved_rows_has_the_classes_in_proportion()
    {
        var store = StepFixture.RandomImages(new ImageShape(1, 2, 2), count: 120, classes: 3, new Random(1));
        int[] rows = [.. Enumerable.Range(0, 120).Where(row => store.Label(row) != 2 || row % 2 == 0)];
        var interleaved = new RowSelection(store, rows).Interleaved();
        Assert.Equal(rows, interleaved.Rows.Order());
        int[] counts = new RowSelection(store, rows).CountByClass(3);
        foreach (int beginning in new[] { 15, 32, 50, 77 })
        {
            int[] part = (interleaved with { Rows = interleaved.Rows[..beginning] }).CountByClass(3);
            for (int label = 0; label < 3; label++)
                Assert.InRange(part[label] - ((double)beginning * counts[label] / rows.Length), -4, 4);
        }
    }
}
