using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>
/// The M transformations t_1..t_M that make the views of an image, the identity first (Lee, Hwang and Shin, ICML 2020).
/// </summary>
public sealed class TransformationSet : IReadOnlyList<Transformation>
{
    private readonly Transformation[] _members;

    private TransformationSet(string name, params Transformation[] members)
    {
        Name = name;
        _members = members;
    }

    /// <summary>The untransformed image only: M = 1.</summary>
    public static TransformationSet None { get; } = new("none", new Identity());

    /// <summary>0, 90, 180 and 270 degrees counter-clockwise: M = 4. Needs square images.</summary>
    public static TransformationSet Rotation { get; } = new("rotation", new Rotation(0), new Rotation(1), new Rotation(2), new Rotation(3));

    /// <summary>0 and 180 degrees: M = 2, for images of any shape.</summary>
    public static TransformationSet Rotation2 { get; } = new("rotation2", new Rotation(0), new Rotation(2));

    /// <summary>All orders of the three colour channels, RGB, RBG, GRB, GBR, BRG, BGR: M = 6. Needs 3 channels.</summary>
    public static TransformationSet ColorPermutation { get; } = Colors("color", "RGB", "RBG", "GRB", "GBR", "BRG", "BGR");

    /// <summary>The cyclic orders of the three colour channels, RGB, GBR, BRG: M = 3. Needs 3 channels.</summary>
    public static TransformationSet ColorPermutation3 { get; } = Colors("color3", "RGB", "GBR", "BRG");

    /// <summary>The image and its mirror image, left and right exchanged: M = 2.</summary>
    public static TransformationSet HorizontalFlip { get; } = new("hflip", new Identity(), new Flip(horizontal: true));

    /// <summary>The image and its mirror image, top and bottom exchanged: M = 2.</summary>
    public static TransformationSet VerticalFlip { get; } = new("vflip", new Identity(), new Flip(horizontal: false));

    /// <summary>The sets that <see cref="Parse"/> knows by name: rotation, none, rotation2, color, color3, hflip, vflip.</summary>
    public static IReadOnlyList<TransformationSet> Named { get; } =
        [Rotation, None, Rotation2, ColorPermutation, ColorPermutation3, HorizontalFlip, VerticalFlip];

    /// <summary>The set's name, such as <c>rotation</c> or <c>rotation+color3</c>.</summary>
    public string Name { get; }

    /// <summary>The number of transformations, M.</summary>
    public int Count => _members.Length;

    /// <summary>Gets transformation j, counted from 0; number 0 is the identity.</summary>
    /// <param name="index">j, 0 to M - 1.</param>
    public Transformation this[int index] => _members[index];

    /// <summary>
    /// Composes two sets: every member of <paramref name="first"/> followed by every member of <paramref name="second"/>.
    /// Member r * K + k applies member r of the first set and then member k of the second, where K is the size of the second set.
    /// </summary>
    /// <param name="first">The set applied first, such as <see cref="Rotation"/>.</param>
    /// <param name="second">The set applied to its views, such as <see cref="ColorPermutation3"/>.</param>
    /// <returns>The set of all compositions.</returns>
    public static TransformationSet Compose(TransformationSet first, TransformationSet second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return new TransformationSet($"{first.Name}+{second.Name}", [.. first.SelectMany(r => second.Select(r.Then))]);
    }

    /// <summary>Gets a set by its name, or a composition by the names of its sets, such as <c>rotation+color3</c>.</summary>
    /// <param name="text">A name of <see cref="Named"/>, or several joined by <c>+</c>. Case does not matter.</param>
    /// <returns>The set, whose <see cref="Name"/> is the text in lower case.</returns>
    /// <exception cref="FormatException">There is no set of that name; the message lists the names.</exception>
    public static TransformationSet Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Split('+').Select(Find).Aggregate(Compose);

        static TransformationSet Find(string name) =>
            Named.FirstOrDefault(set => set.Name.Equals(name.Trim(), StringComparison.OrdinalIgnoreCase)) ?? throw new FormatException(
                $"There is no transformation set '{name.Trim()}'. Name one of {string.Join(", ", Named.Select(set => set.Name))}, or join several by +, such as rotation+color3.");
    }

    /// <summary>Makes a set from permutations of the C * H * W values of an image, for example jigsaw patches or time reversal.</summary>
    /// <param name="name">Name of the set.</param>
    /// <param name="permutations">
    /// Name and indices of each transformation: value i of the view is value indices[i] of the image. If the first one is not the identity,
    /// the identity is added before it.
    /// </param>
    /// <returns>The set.</returns>
    /// <exception cref="ArgumentException">There is no permutation, indices are not a permutation, or the permutations differ in length.</exception>
    public static TransformationSet FromPermutations(string name, params (string Name, int[] Indices)[] permutations)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(permutations);
        if (permutations.Length == 0)
            throw new ArgumentException($"The set '{name}' has no permutation: give at least one.", nameof(permutations));

        int length = permutations[0].Indices.Length;
        if (permutations.FirstOrDefault(p => p.Indices.Length != length) is { Name: { } other } odd)
        {
            throw new ArgumentException(
                $"The permutation '{other}' is of {odd.Indices.Length} values, and '{permutations[0].Name}' of {length}: all need the same.",
                nameof(permutations));
        }

        var members = permutations.Select(p => (Transformation)new Permutation(p.Name, [.. p.Indices])).ToList();
        if (!permutations[0].Indices.SequenceEqual(Enumerable.Range(0, length)))
            members.Insert(0, new Identity());
        return new TransformationSet(name, [.. members]);
    }

    /// <summary>Checks that every transformation is defined for images of a shape and that no two give the same view.</summary>
    /// <param name="shape">Shape of the images.</param>
    /// <exception cref="ArgumentException">A transformation is not defined, or two give the same view; the message names them and a remedy.</exception>
    public void Validate(ImageShape shape)
    {
        if (_members.Select(t => t.Objection(shape)).FirstOrDefault(o => o is not null) is { } objection)
            throw new ArgumentException(objection, nameof(shape));

        int[][] permutations = [.. _members.Select(t => t.GetPermutation(shape))];
        for (int j = 1; j < Count; j++)
        {
            int twin = Array.FindIndex(permutations, p => p.AsSpan().SequenceEqual(permutations[j]));
            if (twin < j)
            {
                throw new ArgumentException(
                    $"The transformations '{_members[twin].Name}' and '{_members[j].Name}' of the set '{Name}' give the same view of "
                    + $"images of {shape}, so their joint labels cannot be told apart. Leave one of them out.",
                    nameof(shape));
            }
        }
    }

    /// <summary>
    /// The source indices of all M views, one view after another: element j * C*H*W + i is the index, in the image, of value i of view j.
    /// </summary>
    internal int[] ViewIndices(ImageShape shape) => [.. _members.SelectMany(t => t.GetPermutation(shape))];

    /// <summary>The set as a JSON value that <see cref="FromJson"/> reads back.</summary>
    internal JsonElement ToJson() => JsonSerializer.SerializeToElement(new Description(Name, _members), TransformationJson.Default.Description);

    internal static TransformationSet FromJson(JsonElement json)
    {
        string name = json.Text("name");
        Transformation[] members = json.Items("members", Transformation.FromJson);
        return members.Length > 0 ? new TransformationSet(name, members) : throw new JsonException($"The transformation set '{name}' has no members.");
    }

    /// <summary>Enumerates the transformations, in the order of the views.</summary>
    /// <returns>The enumerator.</returns>
    public IEnumerator<Transformation> GetEnumerator() => _members.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The set's name and its members', such as <c>rotation (0°, 90°, 180°, 270°)</c>.</summary>
    public override string ToString() => $"{Name} ({string.Join(", ", _members.Select(t => t.Name))})";

    private static TransformationSet Colors(string name, params string[] orders) =>
        new(name, [.. orders.Select(order => new ColorPermutation(order))]);

    /// <summary>The saved form of a set.</summary>
    internal sealed record Description(
        [property: JsonPropertyName("name")] string Name,
        [property: JsonPropertyName("members")] Transformation[] Members);
}
