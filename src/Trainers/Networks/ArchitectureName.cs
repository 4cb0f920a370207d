using System.Globalization;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The names of architectures: a family and its numbers, such as <c>cifar-resnet-14-2</c>.</summary>
internal static partial class ArchitectureName
{
    /// <summary>The depth whose network is that of the few-shot literature.</summary>
    private const int FewShotDepth = 12;

    private static readonly (string Family, string Pattern, Func<int[], Architecture?> Create)[] Families =
    [
        ("auto", "auto", numbers => numbers is [] ? Architecture.Auto : null),
        ("cifarresnet", "cifar-resnet-DEPTH[-WIDTH]", numbers => numbers switch
        {
            [] => Architecture.CifarResNet(),
            [var depth] => Architecture.CifarResNet(depth),
            [var depth, var width] => Architecture.CifarResNet(depth, width),
            _ => null,
        }),
        ("wideresnet", "wide-resnet-DEPTH-WIDTH", numbers => numbers switch
        {
            [] => Architecture.WideResNet(),
            [var depth, var width] => Architecture.WideResNet(depth, width),
            _ => null,
        }),
        ("resnet", "resnet-DEPTH", numbers => numbers switch
        {
            [] => Architecture.ResNet(),
            [FewShotDepth] => Architecture.ResNet12(),
            [FewShotDepth, var width] => Architecture.ResNet12(width),
            [var depth] => Architecture.ResNet(depth),
            _ => null,
        }),
        ("convnet", "conv-net-WIDTH", numbers => numbers switch
        {
            [] => Architecture.ConvNet(),
            [var width] => Architecture.ConvNet(width),
            [ConvNet.Layers, var width] => Architecture.ConvNet(width),
            _ => null,
        }),
    ];

    /// <summary>The names, with capitals in place of numbers.</summary>
    public static IReadOnlyList<string> Patterns { get; } = [.. Families.Select(family => family.Pattern)];

    /// <exception cref="FormatException">There is no such architecture.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The architecture has no such depth or width.</exception>
    public static Architecture Parse(string text)
    {
        var parts = Name().Match(text);
        return (parts.Success ? Create(Letters(parts.Groups["family"].Value), [.. parts.Groups["number"].Captures.Select(Number)]) : null)
            ?? throw new FormatException($"There is no architecture '{text}'. Name one of {string.Join(", ", Patterns)}.");
    }

    private static Architecture? Create(string family, int[] numbers) =>
        Families.FirstOrDefault(entry => entry.Family == family).Create?.Invoke(numbers);

    private static string Letters(string name) => string.Concat(name.Where(char.IsAsciiLetter)).ToLowerInvariant();

    private static int Number(Capture digits) =>
        int.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : int.MaxValue;

    [GeneratedRegex("^\\s*(?<family>[A-Za-z][A-Za-z -]*?)([- ]?(?<number>[0-9]+)([-x](?<number>[0-9]+))*)?\\s*$")]
    private static partial Regex Name();
}
