namespace Microsoft.ML.Sla.Studies;

/// <summary>The page of a study: its table in Markdown and its figure, made of lines alone.</summary>
internal static class Page
{
    private const string Command = "dotnet run -c Release --project benchmarks/Studies --";

    /// <summary>Writes <c>STUDY.md</c> and, of a study that has a figure, <c>STUDY.svg</c> and <c>STUDY.png</c> into the folder of pages.</summary>
    /// <exception cref="InvalidDataException">No run of the study is there.</exception>
    public static void Write(Study study, Arguments arguments)
    {
        var findings = study.Find(arguments.LinesOf(study))
            ?? throw new InvalidDataException($"No run of the study '{study.Name}' is in {study.LinesName}: 'run {study.Name}' first.");
        Directory.CreateDirectory(arguments.Pages);
        string path = Path.Combine(arguments.Pages, study.Name);
        string figure = findings.Draw is null ? "" : $"![The figure of this page]({study.Name}.svg)\n\n";
        File.WriteAllText($"{path}.md", $"# {study.Title}\n\n{Origin(study)}\n\n{figure}{findings.Text}");
        findings.Draw?.Invoke(path);
    }

    /// <summary>What made the page. A command and a link stand on a line of their own, so that no line is long.</summary>
    private static string Origin(Study study)
    {
        string made = $"`{Command} report {study.Name}`\nmade this page of\n[{study.LinesName}](../../../benchmarks/results/{study.LinesName}).";
        return study.ListRuns().Any()
            ? $"{made}\nEach line names the command that made it, such as\n`{Command} run {study.Name}`.\n"
                + $"[{study.Name}.json](../../../benchmarks/Studies/studies/{study.Name}.json) says what is trained."
            : made;
    }
}
