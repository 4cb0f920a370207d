using Microsoft.Playwright;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The page, in Debian's Chromium.</summary>
public sealed class PageTests : FolderTest
{
    private static readonly string[] Bags = FashionImages.TestOf("bag", 4), Boots = FashionImages.TestOf("ankle-boot", 4);

    [Theory]
    [InlineData(ColorScheme.Light, 1200)]
    [InlineData(ColorScheme.Dark, 1200)]
    [InlineData(ColorScheme.Light, 360)]
    public async Task An_image_that_is_dropped_gets_bars_and_views(ColorScheme scheme, int width)
    {
        await OpenAsync(scheme, width, async page =>
        {
            await DropAsync(page, "predict", Bags[0]);
            await page.GetByRole(AriaRole.Meter).First.WaitForAsync();

            Assert.Equal(2, await page.Locator("article .bars li").CountAsync());
            Assert.Equal(4, await page.Locator("article .views canvas").CountAsync());

            // The second view is the first one, turned by 90 degrees counterclockwise.
            Assert.True(await page.EvaluateAsync<bool>(
                """
                () => {
                    const [image, turned] = [...document.querySelectorAll('.views canvas')].map(canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height));
                    const side = image.width;
                    for (let row = 0; row < side; row++)
                        for (let column = 0; column < side; column++)
                            if (turned.data[4 * (row * side + column)] !== image.data[4 * (column * side + side - 1 - row)])
                                return false;
                    return new Set(image.data).size > 10;
                }
                """));
            Assert.Equal(0, await page.EvaluateAsync<int>("() => document.documentElement.scrollWidth - document.documentElement.clientWidth"));
        });
    }

    [Fact]
    public async Task A_class_is_taught_tried_still_there_after_a_reload_and_forgotten()
    {
        await OpenAsync(ColorScheme.Light, 1200, async page =>
        {
            await TeachAsync(page, "<i>bag", Bags[..3]);
            await TeachAsync(page, "boot", Boots[..3]);
            await page.SetInputFilesAsync("#taught-files", Boots[3]);
            await page.Locator("#taught-predictions h3").WaitForAsync();
            Assert.Equal("boot", await page.Locator("#taught-predictions h3").TextContentAsync());

            await page.ReloadAsync();
            await page.GetByRole(AriaRole.Tab, new() { Name = "Teach" }).ClickAsync();
            await page.GetByText("<i>bag (3 images)").WaitForAsync();
            await page.GetByRole(AriaRole.Button, new() { Name = "Forget <i>bag" }).ClickAsync();
            await page.GetByText("Forgot <i>bag.").WaitForAsync();
            Assert.Equal(1, await page.Locator("#classes li").CountAsync());
        });
    }

    [Fact]
    public async Task The_keyboard_reaches_everything()
    {
        await OpenAsync(ColorScheme.Light, 1200, async page =>
        {
            await page.Keyboard.PressAsync("Tab");
            Assert.Equal("tab-predict", await FocusedAsync(page));
            await page.Keyboard.PressAsync("ArrowRight");
            Assert.Equal("tab-teach", await FocusedAsync(page));
            await page.Keyboard.PressAsync("Tab");
            Assert.Equal("class-name", await FocusedAsync(page));
            await page.Keyboard.PressAsync("Tab");
            Assert.Equal("teach-files", await FocusedAsync(page));
        });
    }

    [Fact]
    public async Task The_reference_of_the_routes_asks_no_other_host()
    {
        await OpenAsync(ColorScheme.Light, 1200, async page =>
        {
            await page.GetByRole(AriaRole.Link, new() { Name = "The service's API" }).ClickAsync();
            await page.GetByText("Says what several images are.").First.WaitForAsync();
        });
    }

    [Fact]
    public async Task What_is_not_an_image_is_refused_in_words()
    {
        string path = InFolder("broken.png");
        await File.WriteAllTextAsync(path, "no image", TestContext.Current.CancellationToken);
        await OpenAsync(ColorScheme.Light, 1200, async page =>
        {
            await page.SetInputFilesAsync("#predict-files", path);
            await page.Locator("article .error").WaitForAsync();
            Assert.Contains("This is not a usable image.", await page.Locator("article .error").TextContentAsync(), StringComparison.Ordinal);
        }, expectedMessages: 1);
    }

    private static Task<string> FocusedAsync(IPage page) => page.EvaluateAsync<string>("() => document.activeElement.id");

    private static async Task TeachAsync(IPage page, string name, string[] images)
    {
        await page.GetByRole(AriaRole.Tab, new() { Name = "Teach" }).ClickAsync();
        await page.GetByLabel("Name of the class").FillAsync(name);
        await page.SetInputFilesAsync("#teach-files", images);
        await page.GetByRole(AriaRole.Button, new() { Name = "Teach", Exact = true }).ClickAsync();
        await page.GetByText($"Learned: {name} has {images.Length} images.").WaitForAsync();
    }

    /// <summary>Drops a file as a person does.</summary>
    private static async Task DropAsync(IPage page, string target, string path)
    {
        var transfer = await page.EvaluateHandleAsync(
            """
            ([base64, name]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name, { type: 'image/png' }));
                return transfer;
            }
            """,
            new[] { Convert.ToBase64String(await File.ReadAllBytesAsync(path)), Path.GetFileName(path) });
        await page.DispatchEventAsync($"[data-drop={target}]", "drop", new { dataTransfer = transfer });
    }

    /// <summary>Opens the page of a service with a model of two classes. It must ask no other host, and write no unexpected warning or error to the console.</summary>
    private async Task OpenAsync(ColorScheme scheme, int width, Func<IPage, Task> act, int expectedMessages = 0)
    {
        Assert.SkipUnless(ChromiumProgram.IsThere, "There is no Chromium.");
        await using var service = await Service.StartAsync(Folder);
        using var playwright = await Playwright.Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = ChromiumProgram.Program, Args = ["--no-sandbox", "--disable-gpu"] });
        var page = await browser.NewPageAsync(new() { ColorScheme = scheme, ViewportSize = new() { Width = width, Height = 900 } });
        List<string> messages = [], elsewhere = [];
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                messages.Add(message.Text);
        };
        page.PageError += (_, error) => messages.Add(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith($"{service.Client.BaseAddress}", StringComparison.Ordinal) && !request.Url.StartsWith("blob:", StringComparison.Ordinal))
                elsewhere.Add(request.Url);
        };

        await page.GotoAsync($"{service.Client.BaseAddress}");
        await page.GetByText("The model knows 2 classes").WaitForAsync();
        try
        {
            await act(page);
        }
        finally
        {
            if (Environment.GetEnvironmentVariable("SLA_SCREENSHOTS") is { } folder)
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{TestContext.Current.TestMethod!.MethodName}-{scheme}-{width}.png"), FullPage = true });
        }

        Assert.Empty(elsewhere);
        Assert.True(messages.Count == expectedMessages, string.Join("\n", messages));
    }
}
