using System.Text.Json;
using CsCheck;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public class TransformationTests
{
    private static readonly TransformationSet[] Sets =
    [
        TransformationSet.None,
        TransformationSet.Rotation,
        TransformationSet.Rotation2,
        TransformationSet.ColorPermutation,
        TransformationSet.ColorPermutation3,
        TransformationSet.HorizontalFlip,
        TransformationSet.VerticalFlip,
        TransformationSet.Compose(TransformationSet.Rotation2, TransformationSet.ColorPermutation3),
        TransformationSet.Compose(TransformationSet.Rotation, TransformationSet.ColorPermutation3),
        TransformationSet.Compose(TransformationSet.Rotation, TransformationSet.ColorPermutation),
    ];

    private static readonly Gen<(TransformationSet Set, ImageShape Shape)> SetAndShape =
        Gen.Select(Gen.Int[0, Sets.Length - 1], Gen.Int[2, 9], (set, side) => (Sets[set], new ImageShape(3, side, side)));

    [Fact]
    public void Every_member_is_a_bijection() => SetAndShape.Sample(x =>
        x.Set.All(t => t.GetPermutation(x.Shape).Order().SequenceEqual(Enumerable.Range(0, x.Shape.Length))));

    [Fact]
    public void The_identity_is_first() => SetAndShape.Sample(x =>
        x.Set[0].GetPermutation(x.Shape).SequenceEqual(Enumerable.Range(0, x.Shape.Length)));

    [Fact]
    public void Then_applies_the_second_to_the_result_of_the_first() =>
        Gen.Select(SetAndShape, Gen.Int[0, 23], Gen.Int[0, 23], Gen.Int[0, 9]).Sample((x, i, j, other) =>
        {
            var (first, second) = (x.Set[i % x.Set.Count], Sets[other][j % Sets[other].Count]);
            int[] image = [.. Enumerable.Range(100, x.Shape.Length)];
            return first.Then(second).Apply<int>(image, x.Shape).SequenceEqual(second.Apply<int>(first.Apply<int>(image, x.Shape), x.Shape));
        });

    [Fact]
    public void The_sets_of_the_paper_are_groups() => SetAndShape.Sample(x =>
    {
        var members = x.Set.Select(t => string.Join(",", t.GetPermutation(x.Shape))).ToHashSet();
        return x.Set.All(a => x.Set.All(b => members.Contains(string.Join(",", a.Then(b).GetPermutation(x.Shape)))));
    });

    [Fact]
    public void Rotation_is_counter_clockwise()
    {
        // | 0 1 |  turned by 90 degrees  | 1 3 |
        // | 2 3 |                        | 0 2 |
        var shape = new ImageShape(1, 2, 2);
        Assert.Equal([1, 3, 0, 2], TransformationSet.Rotation[1].Apply<int>([0, 1, 2, 3], shape));
        Assert.Equal([3, 2, 1, 0], TransformationSet.Rotation[2].Apply<int>([0, 1, 2, 3], shape));
        Assert.Equal([2, 0, 3, 1], TransformationSet.Rotation[3].Apply<int>([0, 1, 2, 3], shape));
    }

    [Fact]
    public void Color_order_names_the_source_of_each_channel() =>
        Assert.Equal([20, 30, 10], TransformationSet.ColorPermutation[3].Apply<int>([10, 20, 30], new ImageShape(3, 1, 1)));

    [Fact]
    public void Composed_sets_are_rotation_major()
    {
        var set = TransformationSet.Compose(TransformationSet.Rotation, TransformationSet.ColorPermutation3);
        Assert.Equal(12, set.Count);
        Assert.Equal("90° GBR", set[(1 * 3) + 1].Name);
    }

    [Fact]
    public void A_set_survives_json() => SetAndShape.Sample(x =>
    {
        var copy = TransformationSet.FromJson(JsonDocument.Parse(x.Set.ToJson().GetRawText()).RootElement);
        return copy.ToString() == x.Set.ToString() && copy.ViewIndices(x.Shape).SequenceEqual(x.Set.ViewIndices(x.Shape));
    });

    [Fact]
    public void A_users_permutations_survive_json()
    {
        var set = TransformationSet.FromPermutations("reversal", ("backwards", [3, 2, 1, 0]));
        var copy = TransformationSet.FromJson(set.ToJson());
        Assert.Equal(["identity", "backwards"], copy.Select(t => t.Name));
        Assert.Equal([3, 2, 1, 0], copy[1].GetPermutation(new ImageShape(1, 2, 2)));
    }

    [Fact]
    public void Rotations_refuse_images_that_are_not_square()
    {
        var error = Assert.Throws<ArgumentException>(() => TransformationSet.Rotation.Validate(new ImageShape(3, 30, 40)));
        Assert.Contains("40 pixels wide and 30 high", error.Message, StringComparison.Ordinal);
        Assert.Contains("Rotation2", error.Message, StringComparison.Ordinal);
        TransformationSet.Rotation2.Validate(new ImageShape(3, 30, 40));
    }

    [Fact]
    public void Color_permutations_refuse_grey_images() =>
        Assert.Throws<ArgumentException>(() => TransformationSet.ColorPermutation.Validate(new ImageShape(1, 8, 8)));

    [Fact]
    public void Twins_in_a_set_are_refused()
    {
        var set = TransformationSet.Compose(TransformationSet.Rotation2, TransformationSet.Rotation2);
        var error = Assert.Throws<ArgumentException>(() => set.Validate(new ImageShape(1, 4, 4)));
        Assert.Contains("give the same view", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Permutations_that_are_none_or_of_several_lengths_are_refused()
    {
        Assert.Contains("'x' has no permutation", Assert.Throws<ArgumentException>(() => TransformationSet.FromPermutations("x")).Message, StringComparison.Ordinal);
        var error = Assert.Throws<ArgumentException>(() => TransformationSet.FromPermutations("x", ("short", [1, 0]), ("long", [2, 1, 0])));
        Assert.Contains("'long' is of 3 values, and 'short' of 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_of_another_length_than_the_shape_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => TransformationSet.Rotation[1].Apply<int>([0, 1, 2], new ImageShape(1, 2, 2)));
        Assert.Contains("The image has 3 values", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_in_a_file_without_members_is_refused()
    {
        var json = JsonDocument.Parse("""{ "name": "empty", "members": [] }""").RootElement;
        Assert.Contains("'empty' has no members", Assert.Throws<JsonException>(() => TransformationSet.FromJson(json)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_permutation_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => TransformationSet.FromPermutations("x", ("twice", [0, 0, 1])));
        Assert.Contains("value 0 at position 1 is there twice", error.Message, StringComparison.Ordinal);
    }
}
