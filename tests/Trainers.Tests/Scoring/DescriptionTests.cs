using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What is saved of a model beside its weights. The file holds descriptions as version 0.1.0 first wrote them, by reflection.</summary>
public sealed class DescriptionTests : FolderTest
{
    private static readonly string[] Saved = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Vectors", "descriptions-0.1.0.jsonl"));

    public static TheoryData<int> Lines => [.. Enumerable.Range(0, Saved.Length)];

    [Theory]
    [MemberData(nameof(Lines))]
    public void A_saved_description_is_read_and_written_as_it_was_and_what_is_new_is_added(int line)
    {
        var description = DescriptionReader.ReadModel(Saved[line]);
        var written = JsonNode.Parse(description.ToJson())!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Saved[line]), OnlyOf(written, JsonNode.Parse(Saved[line])!)), written.ToJsonString());

        // What is new is read back too.
        Assert.Equal(description.ToJson(), DescriptionReader.ReadModel(description.ToJson()).ToJson());
    }

    [Theory]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    [InlineData(1e300)]
    public void A_loss_that_JSON_has_no_number_for_is_written_and_read(double loss)
    {
        var description = DescriptionReader.ReadModel(Saved[0]);
        var epoch = description.History!.Epochs[0] with { ValidationLoss = loss };
        var read = DescriptionReader.ReadModel((description with { History = description.History with { Epochs = [epoch] } }).ToJson());
        Assert.Equal(loss, read.History!.Epochs[0].ValidationLoss);

        var weights = new Weights { ["w"] = ([1], [1f]) };
        var file = new CheckpointFile(Folder);
        file.Write(new RunIdentity(new Dictionary<string, string>()), new TrainingState(1, 0, [epoch], weights, new Weights(), null, null), isFinished: false);
        Assert.Equal(loss, file.ReadState().Epochs[0].ValidationLoss);
    }

    [Fact]
    public void All_parts_are_read()
    {
        var description = DescriptionReader.ReadModel(Saved[0]);
        Assert.Equal(24, description.Transformations.Count);
        Assert.Equal([1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], description.Transformations[12].GetPermutation(new ImageShape(3, 2, 2)));
        Assert.Equal(10, Assert.IsType<Layer.Sequence>(Assert.IsType<CustomNetwork>(description.Architecture).Layers).Steps.Length);
        Assert.Equal(LossReduction.Sum, description.ObjectiveSettings.LossReduction);
        Assert.Equal(PixelNormalization.ImageNet, description.Normalization);
        Assert.Equal([0.5, null], description.History!.Epochs.Select(epoch => epoch.ValidationAccuracy));
    }

    [Fact]
    public void Losses_weightings_and_networks_that_are_rarer_are_read_back()
    {
        var settings = new ObjectiveSettings { ClassificationLoss = ClassificationLoss.Focal(1.5), ClassWeighting = ClassWeighting.InverseFrequency };
        var description = DescriptionReader.ReadModel(Saved[0]) with { Architecture = Architecture.ResNet12(8), ObjectiveSettings = settings };
        var read = DescriptionReader.ReadModel(description.ToJson());
        Assert.Equal(description.ToJson(), read.ToJson());
        Assert.IsType<ResNet12>(read.Architecture);
        Assert.Equal(["Focal(1.5)", $"{ClassWeighting.InverseFrequency}"], [$"{read.ObjectiveSettings.ClassificationLoss}", $"{read.ObjectiveSettings.ClassWeighting}"]);
    }

    [Theory]
    [InlineData("objectiveSettings", "classificationLoss")]
    [InlineData("objectiveSettings", "classWeighting")]
    [InlineData("architecture")]
    [InlineData("architecture", "layers")]
    [InlineData("transformations", "members", "0")]
    public void What_a_later_version_may_add_is_named(params string[] path)
    {
        var json = JsonNode.Parse(DescriptionReader.ReadModel(Saved[0]).ToJson())!;
        var part = path.Aggregate(json, (node, name) => node is JsonArray items ? items[int.Parse(name, CultureInfo.InvariantCulture)]! : node[name]!);
        Assert.NotNull(part["$type"]);
        part["$type"] = "later";
        string message = Assert.Throws<JsonException>(() => DescriptionReader.ReadModel(json.ToJsonString())).Message;
        Assert.Contains("'later' is not", message, StringComparison.Ordinal);
    }

    /// <summary>A value without the properties that another does not have.</summary>
    private static JsonNode? OnlyOf(JsonNode? value, JsonNode? other) => (value, other) switch
    {
        (JsonObject properties, JsonObject known) => new JsonObject(properties.Where(p => known.ContainsKey(p.Key)).Select(p => KeyValuePair.Create(p.Key, OnlyOf(p.Value, known[p.Key])))),
        (JsonArray items, JsonArray known) when items.Count == known.Count => new JsonArray([.. items.Zip(known, OnlyOf)]),
        _ => value?.DeepClone(),
    };
}
