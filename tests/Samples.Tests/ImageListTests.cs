using System.Text;
using Sla;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Lists of images, and the spelling of their labels.</summary>
[Collection("standard error")]
public sealed class ImageListTests : FolderTest
{
    private string List => InFolder("list.tsv");

    public ImageListTests()
    {
        foreach (string name in new[] { "a.png", "b.png", "c d.png", "say \"x\".png" })
            File.WriteAllText(InFolder(name), "image");
    }

    [Theory]
    [InlineData("a.png\tbag\nb.png\tcoat\n")]
    [InlineData("\uFEFFpath\tlabel\r\na.png\tbag\r\n\r\nb.png\tcoat")]
    [InlineData("\"path\"\t\"label\"\n\"a.png\"\t\"bag\"\n\"b.png\"\tcoat\n")]
    public void A_list_may_have_a_mark_a_heading_and_quotes(string text)
    {
        Assert.Equal(["a.png bag", "b.png coat"], Read(text).Images);
    }

    [Fact]
    public void A_field_in_quotes_may_have_quotes_tabs_and_ends_of_lines()
    {
        var (images, notes) = Read("\"say \"\"x\"\".png\"\t\"two\twords\"\n\"c d.png\"\t\"a\nb\"\nb.png\t5\" wide\n");
        Assert.Equal(["say \"x\".png two\twords", "c d.png a\nb", "b.png 5\" wide"], images);
        Assert.Empty(notes);
    }

    [Theory]
    [InlineData("Line 2 of", "a.png\tbag\nb.png coat\n")]
    [InlineData("Line 1 of", "a.png\tbag\tcoat\n")]
    [InlineData("Line 1 of", "a.png\t \n")]
    [InlineData("Line 4 of", "\"a.png\"\t\"bag\n\n\"\n\"b.png\n")]
    [InlineData("a field in quotes goes on", "\"a\".png\tbag\n")]
    [InlineData("Lines 1 and 3 of '{0}/list.tsv' give one image two labels, 'bag' and 'coat': './a.png'", "a.png\tbag\nb.png\tbag\n./a.png\tcoat\n")]
    [InlineData("Line 1 of '{0}/list.tsv' names 'x.png'. There is no file '{0}/x.png'.", "x.png\tbag\n")]
    public void A_line_that_cannot_be_used_is_named(string message, string text)
    {
        var refused = Assert.Throws<InputException>(() => Read(text));
        Assert.Contains(string.Format(null, message, Folder), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_that_is_not_UTF_8_is_refused_with_its_line_and_how_to_convert_it()
    {
        File.WriteAllBytes(List, Encoding.Latin1.GetBytes("a.png\tbag\nb.png\tcaf\u00e9\n"));
        var refused = Assert.Throws<InputException>(() => ImageSet.OfList(List));
        Assert.StartsWith($"Line 2 of '{List}' is not UTF-8.", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"iconv -f WINDOWS-1252 -t UTF-8 {List} >", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_huge_line_is_not_shown_whole()
    {
        var refused = Assert.Throws<InputException>(() => Read(new string('x', 100_000)));
        Assert.InRange(refused.Message.Length, 100, 500);
    }

    [Fact]
    public void An_image_that_is_listed_again_with_its_label_is_there_once()
    {
        File.CreateSymbolicLink(InFolder("link.png"), "a.png");
        var (images, notes) = Read("a.png\tbag\nb.png\tcoat\n./a.png\tbag\nlink.png\tbag\n");
        Assert.Equal(["a.png bag", "b.png coat"], images);
        Assert.Equal("Left out './a.png' and 1 more: listed before, with the same label.", notes.Trim());
    }

    [Fact]
    public void Spellings_of_a_label_that_look_the_same_are_one_class()
    {
        var (images, notes) = Read("a.png\tcaf\u00e9\nb.png\tcafe\u0301\n");
        Assert.Equal(["a.png caf\u00e9", "b.png caf\u00e9"], images);
        Assert.Contains("is there in 2 spellings", notes, StringComparison.Ordinal);

        // A model that was trained on the other spelling keeps it.
        var set = ImageSet.OfList(List).OfClasses(["cafe\u0301"], "The model");
        Assert.Equal(["cafe\u0301"], set.Classes);
        var refused = Assert.Throws<InputException>(() => set.OfClasses(["tea"], "The model"));
        Assert.Contains("The model has no such class. It has tea.", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\u0301", "\u00e1")]
    [InlineData("D\u0307\u0323", "\u1e0c\u0307")]
    [InlineData("\u1e0a\u0323", "\u1e0c\u0307")]
    [InlineData("\u212b", "\u00c5")]
    [InlineData("\u0958", "\u0915\u093c")]
    [InlineData("\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00")]
    [InlineData("\uac00\u11a7", "\uac00\u11a7")]
    [InlineData("a\u0315\u0300\u05ae\u0300b", "\u00e0\u05ae\u0300\u0315b")]
    [InlineData("\ud834\udd5e", "\ud834\udd57\ud834\udd65")]
    [InlineData("\u0b47\u0300\u0b3e", "\u0b47\u0300\u0b3e")]
    [InlineData("\ud83d\udc69\u200d\ud83d\udd2c", "\ud83d\udc69\u200d\ud83d\udd2c")]
    public void Form_C_is_that_of_Unicode(string text, string formC)
    {
        // Python's unicodedata.normalize("NFC", text) gives the same.
        Assert.Equal(formC, FormC.Of(text));
        Assert.Equal(formC, FormC.Of(formC));
    }

    private (string[] Images, string Notes) Read(string text)
    {
        File.WriteAllText(List, text);
        ImageSet set = null!;
        string notes = ImageSetTests.NotesOf(() => set = ImageSet.OfList(List));
        return ([.. set.Images.Select(image => $"{Path.GetRelativePath(Folder, image.ImagePath)} {image.Label}")], notes);
    }
}
