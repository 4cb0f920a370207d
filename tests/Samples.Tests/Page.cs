using System.Text.RegularExpressions;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Code of the pages that a reader copies.</summary>
internal static class Page
{
    /// <summary>The first block of code of a page in a language; that without a language for "".</summary>
    public static string FirstBlock(string page, string language) => Regex.Matches(
        File.ReadAllText(Path.Combine(ProgramRun.PathOf("Repository"), page)), @"^```(?<language>\w*)\n(?<code>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)
        .First(match => match.Groups["language"].Value == language).Groups["code"].Value;
}
