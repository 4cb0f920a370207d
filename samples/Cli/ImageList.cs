using System.Text;

namespace Sla;

/// <summary>Reads lists of images: a path, a tab and a label a line, in UTF-8, with fields quoted as in RFC 4180.</summary>
internal static class ImageList
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a list, with paths from its folder; a first line "path label" is a heading. Each image is there once.</summary>
    /// <exception cref="InputException">There is no such file, or a line or a file that it names cannot be used.</exception>
    public static List<LabelledImage> Read(string path)
    {
        if (!File.Exists(path))
            throw new InputException(Directory.Exists(path) ? $"'{path}' is a folder. Give it as --images, or a file as --list." : $"There is no file '{path}'.");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var images = new List<LabelledImage>();
        var lines = new Dictionary<string, (int Line, string Label)>(StringComparer.Ordinal);
        var repeated = new List<string>();
        var realPaths = new RealPaths();
        foreach (var (line, fields) in Records(path))
        {
            if (fields is [var blank] && blank.Trim().Length == 0)
                continue;
            if (line == 1 && fields[0].Equals("path", StringComparison.OrdinalIgnoreCase))
                continue;
            string shown = VisibleText.Shortened(string.Join('\t', fields));
            if (fields.Length != 2 || fields[1].Trim().Length == 0)
                throw new InputException($"Line {line} of '{path}' cannot be used: '{shown}'. A line is the path of an image, a tab and the label.");
            string file = Path.Combine(folder, fields[0]);
            if (!File.Exists(file))
                throw new InputException($"Line {line} of '{path}' names '{VisibleText.Shortened(fields[0])}'. There is no file '{VisibleText.Shortened(file)}'.");
            string real = realPaths.Of(file);
            string label = fields[1].Trim();
            if (!lines.TryGetValue(real, out var first))
            {
                if (!FolderWalk.IsFile(real))
                    throw new InputException($"Line {line} of '{path}' names '{fields[0]}', which is not a file that can be read twice, such as a pipe.");
                lines.Add(real, (line, label));
                images.Add(new LabelledImage(file, label));
            }
            else if (FormC.Of(first.Label) == FormC.Of(label))
            {
                repeated.Add(fields[0]);
            }
            else
            {
                throw new InputException($"Lines {first.Line} and {line} of '{path}' give one image two labels, '{first.Label}' and '{label}': '{fields[0]}'. Leave one of them out.");
            }
        }

        FolderWalk.NoteLeftOut(repeated, "listed before, with the same label");
        return images.Count > 0 ? images : throw new InputException($"'{path}' lists no images.");
    }

    /// <summary>The records of a list with the lines that they begin on.</summary>
    private static IEnumerable<(int Line, string[] Fields)> Records(string path)
    {
        string text = Text(path);
        int line = 1, at = 0;
        while (at < text.Length)
        {
            int begin = line;
            var fields = new List<string>();
            do
            {
                fields.Add(at < text.Length && text[at] == '"' ? Quoted(path, text, ref at, ref line) : Plain(text, ref at));
            }
            while (at < text.Length && text[at] == '\t' && ++at <= text.Length);

            if (at < text.Length && text[at] == '\r' && at + 1 < text.Length && text[at + 1] == '\n')
                at++;
            at++;
            line++;
            yield return (begin, [.. fields]);
        }
    }

    private static string Plain(string text, ref int at)
    {
        int begin = at;
        while (at < text.Length && text[at] is not ('\t' or '\n' or '\r'))
            at++;
        return text[begin..at];
    }

    /// <summary>A field in quotes. It may have tabs and ends of lines, and two quotes stand for one.</summary>
    private static string Quoted(string path, string text, ref int at, ref int line)
    {
        int begin = line;
        var field = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] != '"')
            {
                line += text[at] == '\n' ? 1 : 0;
                field.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                field.Append(text[at++]);
            }
            else
            {
                at++;
                return at == text.Length || text[at] is '\t' or '\n' or '\r'
                    ? field.ToString()
                    : throw new InputException($"Line {line} of '{path}' cannot be used: a field in quotes goes on after them. Write two quotes for one in a field.");
            }
        }

        throw new InputException($"Line {begin} of '{path}' cannot be used: a field in quotes does not end.");
    }

    private static string Text(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        try
        {
            return Strict.GetString(bytes).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException exception)
        {
            string list = ShellCommand.Quoted(path);
            string encoding = bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] ? "UTF-16" : "WINDOWS-1252";
            throw new InputException(
                $"Line {1 + bytes.Take(exception.Index).Count(value => value == '\n')} of '{path}' is not UTF-8. Save the list as UTF-8, or convert it, for example: iconv -f {encoding} -t UTF-8 {list} > {ShellCommand.Quoted(path + ".utf8")}", exception);
        }
    }
}
