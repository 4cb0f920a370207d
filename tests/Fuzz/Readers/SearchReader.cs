using Microsoft.ML.Sla.Fuzz.Seeds;
using Microsoft.ML.Sla.Search;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Reads the record of a search, of whose files one is under attack and the others are valid.</summary>
internal sealed class SearchReader(Corpus corpus) : IFileReader
{
    private long _cases;

    public string Read(string path)
    {
        // A folder of its own: one that was refused stays locked for a while.
        string folder = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(path)!, $"{_cases++}")).FullName;
        try
        {
            foreach (var file in corpus.Files(SearchSeeds.Kind))
                File.WriteAllBytes(Path.Combine(folder, file.Name), file.Bytes);
            File.Copy(path, Path.Combine(folder, Path.GetFileName(path)), overwrite: true);
            return ReadFolder(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public void Dispose()
    {
    }

    private static string ReadFolder(string folder)
    {
        using var record = new SearchFolder(folder);
        int right = record.Records.Where(line => line.Right is not null).Sum(line => line.IsRight(SearchSeeds.Rows).Count(isRight => isRight));
        return $"{record.Plan?.Trials.Count} trials, {record.Plan?.Ladder.Intervals} intervals, {record.Records.Count} records, {right} rows right";
    }
}
