using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed partial class SiteTests(BuiltSite site) : FolderTest, IClassFixture<BuiltSite>
{
    private static readonly string[] Opened = ["index.html", "docs/guides/getting-started.html", "api/Microsoft.ML.Sla.SlaTrainer.Options.html"];

    private static readonly int[] Widths = [1200, 400];

    /// <summary>Opens each page in a frame of each width, waits for what the page's scripts add, and sends what it measures.</summary>
    private static readonly string MeasuringPage =
        $$"""
        <!DOCTYPE html><link rel="icon" href="/favicon.ico"><body><script type="module">
        const pause = () => new Promise(done => setTimeout(done, 20));
        const measured = [];
        for (const page of {{JsonSerializer.Serialize(Opened)}})
            for (const width of {{JsonSerializer.Serialize(Widths)}}) {
                const frame = document.createElement('iframe');
                frame.style = `width: ${width}px; height: 900px; border: 0`;
                frame.src = page;
                document.body.append(frame);
                await new Promise(done => frame.onload = done);
                const inside = frame.contentDocument;
                const count = selector => inside.querySelectorAll(selector).length;
                const isComplete = () => count('#navbar .nav-link') && (page === 'index.html' || count('#toc li')) && count('pre code.hljs');
                for (const end = Date.now() + 20000; !isComplete() && Date.now() < end;) await pause();
                for (let i = 0; i < 5; i++) await pause();
                measured.push({
                    page, width,
                    isComplete: Boolean(isComplete()),
                    background: frame.contentWindow.getComputedStyle(inside.body).backgroundColor,
                    tooWide: inside.documentElement.scrollWidth - inside.documentElement.clientWidth,
                    brokenImages: [...inside.images].filter(image => !(image.complete && image.naturalWidth)).map(image => image.src),
                    foreign: frame.contentWindow.performance.getEntriesByType('resource').map(entry => entry.name).filter(name => !name.startsWith(location.origin)),
                });
                frame.remove();
            }
        await fetch('/', { method: 'POST', body: JSON.stringify(measured) });
        </script>
        """;

    [Fact]
    public void Every_link_of_every_page_leads_to_a_file_and_an_anchor()
    {
        // docfx warns of pages and headings that are not there, but not of what a template links to, nor of the names of members.
        var anchors = site.Pages.ToDictionary(page => page, page => Ids().Matches(File.ReadAllText(page)).Select(match => match.Groups["id"].Value).ToHashSet());
        Assert.True(anchors.Count > 100, $"{anchors.Count} pages");
        var dead = new List<string>();
        foreach (string page in site.Pages.Concat(Directory.GetFiles(site.Folder, "toc.json", SearchOption.AllDirectories)))
        {
            foreach (string link in Links(page))
            {
                string[] parts = link.Split('#');
                string target = parts[0].Length == 0 ? page : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, Uri.UnescapeDataString(parts[0].Split('?')[0])));
                if (!File.Exists(target) || (parts is [_, var anchor] && !anchors[target].Contains(Uri.UnescapeDataString(anchor))))
                    dead.Add($"{Path.GetRelativePath(site.Folder, page)} links to {link}");
            }
        }

        Assert.Empty(dead);
    }

    [Fact]
    public void No_page_loads_anything_from_another_host() =>
        Assert.All(site.Pages, page => Assert.DoesNotMatch(LoadedFromElsewhere(), File.ReadAllText(page)));

    [Fact]
    public void Every_page_that_people_write_is_in_a_table_of_contents()
    {
        var listed = Directory.GetFiles(site.Folder, "toc.json", SearchOption.AllDirectories)
            .SelectMany(toc => Links(toc).Select(link => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(toc)!, link)))).ToHashSet();
        var written = Directory.GetFiles(Path.Combine(BuiltSite.Repository, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(page => Path.GetRelativePath(BuiltSite.Repository, page))
            .Where(page => !page.StartsWith(Path.Combine("docs", "site"), StringComparison.Ordinal) && !page.Contains("studies", StringComparison.Ordinal));
        Assert.All(written, page => Assert.Contains(Path.Combine(site.Folder, Path.ChangeExtension(page, ".html")), listed));
    }

    /// <summary>The lists of public members have a line for each type: its name alone.</summary>
    [Fact]
    public void Every_public_type_has_a_page()
    {
        var types = Directory.GetFiles(Path.Combine(BuiltSite.Repository, "src"), "PublicAPI.*.txt", SearchOption.AllDirectories)
            .SelectMany(File.ReadLines).Where(line => TypeName().IsMatch(line)).Distinct().ToList();
        Assert.Contains("Microsoft.ML.SlaCatalog", types);
        Assert.All(types, type => Assert.True(File.Exists(Path.Combine(site.Folder, "api", $"{type}.html")), $"{type} has no page."));
    }

    [Fact]
    public void Every_public_member_has_a_summary()
    {
        var members = Directory.GetFiles(site.Api, "Microsoft.*.yml").SelectMany(file =>
        {
            string text = File.ReadAllText(file);
            return text[..text.IndexOf("\nreferences:", StringComparison.Ordinal)].Split("\n- uid: ")[1..];
        }).Where(member => !member.Contains("\n  type: Namespace\n", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(members);
        Assert.All(members, member => Assert.Contains("\n  summary: ", member, StringComparison.Ordinal));
    }

    /// <summary>As Markdown, C*H*W has an H in italics.</summary>
    [Fact]
    public void Text_of_the_XML_documentation_is_no_Markdown() =>
        Assert.All(Directory.GetFiles(Path.Combine(site.Folder, "api"), "*.html"), page => Assert.DoesNotContain("<em>", File.ReadAllText(page), StringComparison.Ordinal));

    [Theory]
    [InlineData(false, "rgb(255, 255, 255)")]
    [InlineData(true, "rgb(33, 37, 41)")]
    public async Task A_browser_shows_the_pages_in_both_schemes_wide_and_narrow(bool isDark, string background)
    {
        Assert.SkipUnless(ChromiumProgram.IsThere, "Chromium is not installed.");
        using var server = new SiteServer(site.Folder, MeasuringPage);
        using var browser = ChromiumProgram.Start(Folder, isDark, Widths.Max(), "--remote-debugging-port=0", server.Address);
        JsonArray measured;
        Task<string> console = browser.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            measured = JsonNode.Parse(await server.Measured.WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken))!.AsArray();
        }
        finally
        {
            browser.Kill(entireProcessTree: true);
            await browser.WaitForExitAsync(CancellationToken.None);
        }

        Assert.DoesNotContain("CONSOLE", await console, StringComparison.Ordinal);
        Assert.Equal(Opened.Length * Widths.Length, measured.Count);
        Assert.All(measured, page =>
        {
            Assert.True((bool)page!["isComplete"]!, page.ToJsonString());
            Assert.Equal(background, (string)page["background"]!);
            Assert.Equal(0, (int)page["tooWide"]!);
            Assert.Empty(page["brokenImages"]!.AsArray());
            Assert.Empty(page["foreign"]!.AsArray());
        });
    }

    /// <summary>What a page or a table of contents links to or shows, within the site.</summary>
    private static IEnumerable<string> Links(string file) => Link().Matches(File.ReadAllText(file)).Select(match => WebUtility.HtmlDecode(match.Groups["target"].Value))
        .Where(target => !target.StartsWith("https://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal));

    [GeneratedRegex("""(?:(?:href|src)="|"(?:href|tocHref|topicHref)":")(?<target>[^"]*)["]""")]
    private static partial Regex Link();

    [GeneratedRegex("""\bid="(?<id>[^"]+)["]""")]
    private static partial Regex Ids();

    [GeneratedRegex("""<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)="(?:https?:)?//""")]
    private static partial Regex LoadedFromElsewhere();

    [GeneratedRegex(@"^Microsoft\.ML[\w.]*$")]
    private static partial Regex TypeName();
}
