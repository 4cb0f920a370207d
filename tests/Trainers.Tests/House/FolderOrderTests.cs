using Xunit;

namespace Microsoft.ML.Sla.Tests.House;

/// <summary>The one rule of the house: a folder uses only folders below it (docs/architecture.md).</summary>
public sealed class FolderOrderTests
{
    /// <summary>The folders of src/Trainers, from the top down.</summary>
    private static readonly string[] Order =
    [
        "Search", "Classification", "FewShot", "Training/Frozen", "Training", "Scoring", "Objectives", "Objectives/Views", "Augmentation", "Progress", "Networks", "Data", "Tensors", "Native",
    ];

    [Fact]
    public void A_folder_of_the_trainers_uses_only_folders_below_it()
    {
        var references = new AssemblyReferences(typeof(SlaTrainer).Assembly.Location, AssemblyReferences.Sources("Trainers"));
        Assert.Equal(Order.Order(), references.Folders.Order());
        Assert.True(references.All.Count > 300);
        AssertNone(references.All.Where(reference => Array.IndexOf(Order, reference.ReferredFolder) < Array.IndexOf(Order, reference.Folder)));
    }

    [Fact]
    public void No_two_folders_of_the_transforms_use_each_other()
    {
        var references = new AssemblyReferences(typeof(TransformationSet).Assembly.Location, AssemblyReferences.Sources("Transforms"));
        Assert.True(references.All.Count > 20);
        AssertNone(references.All.Where(reference => references.All.Any(back => back.Folder == reference.ReferredFolder && back.ReferredFolder == reference.Folder)));
    }

    private static void AssertNone(IEnumerable<(string Folder, string Type, string ReferredFolder, string Referred)> references)
    {
        var against = references.Select(reference => $"{reference.Folder}/{reference.Type} uses {reference.ReferredFolder}/{reference.Referred}").ToList();
        Assert.True(against.Count == 0, string.Join(Environment.NewLine, against));
    }
}
