using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A page as headless Chromium lays it out.</summary>
/// <param name="Console">What the browser's console says.</param>
/// <param name="Measured">What <see cref="Script"/> finds.</param>
internal sealed record Chromium(IReadOnlyList<string> Console, JsonNode Measured)
{
    private const string Script =
        """
        <pre id="measured"></pre><script>
        const size = element => { const box = element.getBoundingClientRect(); return box.width + box.height; };
        document.getElementById('measured').textContent = JSON.stringify({
            background: getComputedStyle(document.body).backgroundColor,
            tooWide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            brokenImages: [...document.images].filter(image => !(image.complete && image.naturalWidth)).length,
            fetched: performance.getEntriesByType('resource').filter(entry => !entry.name.startsWith('data:')).length,
            charts: [...document.querySelectorAll('svg')].map(svg => ({
                name: svg.getAttribute('aria-label'),
                size: size(svg),
                colors: new Set([...svg.querySelectorAll('polyline, polygon, rect, ellipse, path')].filter(size).flatMap(mark => [getComputedStyle(mark).stroke, getComputedStyle(mark).fill])).size,
                texts: [...svg.querySelectorAll('text')].filter(size).length,
            })),
        });
        </script>
        """;

    /// <summary>Opens a copy of a page, with a script that measures it.</summary>
    /// <param name="page">The file.</param>
    /// <param name="isDark">The colour scheme that the reader prefers.</param>
    /// <param name="width">Width of the window.</param>
    public static async Task<Chromium> OpenAsync(string page, bool isDark = false, int width = 1200)
    {
        string folder = Directory.CreateTempSubdirectory("sla-chromium-").FullName;
        string copy = Path.Combine(folder, "page.html");
        File.WriteAllText(copy, File.ReadAllText(page).Replace("</body>", Script + "</body>", StringComparison.Ordinal));
        using var process = ChromiumProgram.Start(folder, isDark, width, "--dump-dom", copy);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string dom = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Directory.Delete(folder, recursive: true);

        const string Start = "<pre id=\"measured\">";
        int start = dom.IndexOf(Start, StringComparison.Ordinal) + Start.Length;
        string measured = WebUtility.HtmlDecode(dom[start..dom.IndexOf("</pre>", start, StringComparison.Ordinal)]);
        return new Chromium([.. (await error).Split('\n').Where(line => line.Contains("CONSOLE", StringComparison.Ordinal))], JsonNode.Parse(measured)!);
    }
}
