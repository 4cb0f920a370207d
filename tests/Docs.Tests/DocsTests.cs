using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The pages against the code that the tests run, and against the files that they link to.</summary>
public sealed partial class DocsTests
{
    private const int LongestLine = 120;

    private static readonly string Repository = typeof(DocsTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "Repository").Value!;

    private static readonly string[] Headings = ["## What it is for", "## A complete program", "## Options that matter", "## Pitfalls"];

    private static readonly string[] EntryPoints =
    [
        "ML.SlaCatalog.Sla", "ML.SlaExperimentCatalog.CreateSlaExperiment", "ML.SlaFewShotCatalog.SlaFewShot", "ML.SlaFewShotCatalog.PrototypeClassifier",
        "ML.SlaViewsCatalog.AugmentLabels", "ML.SlaViewsCatalog.PerView", "ML.SlaViewsCatalog.AggregateViews", "ML.SlaImagesCatalog.LoadUprightImages",
        "ML.Sla.SlaPredictor.Load", "ML.Sla.SlaTransformer.Load", "ML.Sla.SlaTrainer.FindLearningRate",
        "Extensions.DependencyInjection.SlaPredictorServiceCollectionExtensions.AddSlaPredictor",
    ];

    /// <summary>Every page of the repository; not those that a build copied.</summary>
    public static TheoryData<string> Pages() =>
    [
        .. Directory.GetFiles(In("."), "*.md").Concat(new[] { "docs", "benchmarks", "samples", "src", "tests" }.SelectMany(PagesUnder))
            .Select(page => Path.GetRelativePath(In("."), page)).Order(StringComparer.Ordinal),
    ];

    /// <summary>The pages that people write for users, those of the packages among them; benchmarks make the studies.</summary>
    public static TheoryData<string> WrittenPages() =>
    [
        .. Directory.GetFiles(In("."), "*.md").Concat(new[] { "docs", "src" }.SelectMany(PagesUnder)).Select(page => Path.GetRelativePath(In("."), page))
            .Where(page => !page.StartsWith(Path.Combine("docs", "evidence", "studies"), StringComparison.Ordinal)).Order(StringComparer.Ordinal),
    ];

    public static TheoryData<string> Guides() => [.. Directory.GetFiles(In("docs/guides"), "*.md").Select(page => Path.GetFileNameWithoutExtension(page)!)];

    [Fact]
    public void Code_of_the_guides_is_the_code_that_the_tests_run()
    {
        var blocks = WrittenPages().Select(row => row.Data).SelectMany(page => Blocks(In(page)).Select(block => (Page: PageName(page), Code: block)))
            .Concat(Documentation().Select(Example).OfType<string>().Select(code => (Page: "Examples", Code: code))).ToList();
        var regions = Directory.GetFiles(In("tests/Docs.Tests/Guides"), "*.cs")
            .SelectMany(file => Regions(file).Select(region => (Page: Path.GetFileNameWithoutExtension(file), Code: region))).ToList();
        Assert.NotEmpty(blocks);
        Assert.All(blocks, block => Assert.Contains(block, regions));
        Assert.All(regions, region => Assert.Contains(region, blocks));
    }

    [Fact]
    public void Every_entry_point_has_an_example()
    {
        var members = Documentation().Where(member => ((string)member.Attribute("name")!).StartsWith("M:Microsoft.", StringComparison.Ordinal)).ToDictionary(member => (string)member.Attribute("name")!);
        Assert.All(EntryPoints, entry =>
        {
            var overloads = members.Where(member => member.Key.StartsWith($"M:Microsoft.{entry}(", StringComparison.Ordinal)).ToList();
            Assert.NotEmpty(overloads);
            Assert.All(overloads, overload => Assert.NotNull(Example(overload.Value) ?? Example(members[ExampleOf(overload.Value)])));
        });

        static string ExampleOf(XElement member) =>
            (string)member.Elements("inheritdoc").Single(element => (string?)element.Attribute("path") == "/example").Attribute("cref")!;
    }

    [Theory]
    [MemberData(nameof(Guides))]
    public void A_guide_has_the_headings_of_all_guides_in_order(string guide)
    {
        string[] lines = File.ReadAllLines(In($"docs/guides/{guide}.md"));
        Assert.Equal(Headings, lines.Where(line => line.StartsWith("## ", StringComparison.Ordinal)));
        Assert.Matches(Program(), File.ReadAllText(In($"docs/guides/{guide}.md")));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_relative_link_leads_to_a_file_and_a_heading(string page)
    {
        string folder = Path.GetDirectoryName(In(page))!;
        Assert.All(Links(File.ReadAllText(In(page))), link =>
        {
            string[] parts = link.Split('#');
            string target = parts[0].Length == 0 ? In(page) : Path.GetFullPath(Path.Combine(folder, parts[0]));
            Assert.True(Path.Exists(target), $"{page} links to {link}, and there is no such file.");
            if (parts is [_, var anchor])
                Assert.Contains(anchor, File.ReadLines(target).Where(line => line.StartsWith('#')).Select(Anchor));
        });
    }

    [Theory]
    [MemberData(nameof(WrittenPages))]
    public void Lines_of_prose_are_short(string page)
    {
        bool isCode = false;
        foreach (string line in File.ReadLines(In(page)))
        {
            bool isFence = line.StartsWith("```", StringComparison.Ordinal);
            isCode ^= isFence;
            Assert.True(isCode || line.StartsWith('|') || line.Length <= LongestLine, $"{page}: {line}");
        }
    }

    private static IEnumerable<string> PagesUnder(string folder) => Directory.GetFiles(In(folder), "*.md", SearchOption.AllDirectories)
        .Where(page => !page.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));

    private static string In(string path) => Path.GetFullPath(Path.Combine(Repository, path));

    /// <summary>The name of the file that has a page's code: getting-started.md is GettingStarted.</summary>
    private static string PageName(string page) => string.Concat(Path.GetFileNameWithoutExtension(page).Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..].ToLowerInvariant()));

    /// <summary>What the compiler made of the XML documentation of both libraries, member by member.</summary>
    private static IEnumerable<XElement> Documentation() => Directory.GetFiles(AppContext.BaseDirectory, "Microsoft.ML.Sla.*.xml")
        .SelectMany(file => XDocument.Load(file).Descendants("member"));

    private static string? Example(XElement member) => member.Element("example")?.Element("code") is { } code ? Normal(code.Value.Split('\n')) : null;

    private static IEnumerable<string> Blocks(string page) => CSharpBlock().Matches(File.ReadAllText(page)).Select(match => Normal(match.Groups["code"].Value.Split('\n')));

    /// <summary>The regions of a file. Those of one name are parts of one program, with an empty line between them.</summary>
    private static IEnumerable<string> Regions(string file)
    {
        var parts = new List<(string Name, List<string> Lines)>();
        bool isInside = false;
        foreach (string line in File.ReadLines(file))
        {
            string text = line.Trim();
            if (text.StartsWith("#region ", StringComparison.Ordinal))
            {
                parts.Add((text["#region ".Length..], []));
                isInside = true;
            }
            else if (text == "#endregion")
            {
                isInside = false;
            }
            else if (isInside)
            {
                parts[^1].Lines.Add(line);
            }
        }

        return parts.GroupBy(part => part.Name).Select(program => string.Join("\n\n", program.Select(part => Normal(part.Lines))));
    }

    /// <summary>Code without the indentation that all its lines share, and without empty lines around it.</summary>
    private static string Normal(IEnumerable<string> code)
    {
        string[] lines = [.. code.Select(line => line.TrimEnd())];
        int indentation = lines.Where(line => line.Length > 0).Min(line => line.Length - line.TrimStart().Length);
        return string.Join('\n', lines.Select(line => line.Length > 0 ? line[indentation..] : line)).Trim('\n');
    }

    private static IEnumerable<string> Links(string text) => Link().Matches(Fence().Replace(text, ""))
        .Select(match => match.Groups["target"].Value).Where(target => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal));

    /// <summary>What a heading is linked to by, as GitHub makes it.</summary>
    private static string Anchor(string heading) => NotOfAnAnchor().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex(@"^```csharp\n(?<code>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CSharpBlock();

    [GeneratedRegex("^```(csharp|fsharp)\n", RegexOptions.Multiline)]
    private static partial Regex Program();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotOfAnAnchor();
}
