using global::Sla;
using Microsoft.ML.Sla.Fuzz.Seeds;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Reads a list of images and labels as the command line does.</summary>
internal sealed class ListReader(Corpus corpus) : IFileReader
{
    public string Read(string path)
    {
        foreach (var photo in corpus.Files(ImageSeeds.Photos))
        {
            string copy = Path.Combine(Path.GetDirectoryName(path)!, photo.Name);
            if (!File.Exists(copy))
                File.WriteAllBytes(copy, photo.Bytes);
        }

        return string.Join("; ", ImageSet.OfList(path).Images);
    }

    public void Dispose()
    {
    }
}
