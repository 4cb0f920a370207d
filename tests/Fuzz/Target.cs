namespace Microsoft.ML.Sla.Fuzz;

/// <summary>Reads a file as a program would, and uses what it read.</summary>
internal interface IFileReader : IDisposable
{
    /// <returns>What came of it, as text: equal for files that mean the same.</returns>
    string Read(string path);
}

/// <summary>Makes another file of a valid one.</summary>
/// <param name="file">The valid file.</param>
/// <param name="others">Valid files of the same kind.</param>
/// <param name="random">What all choices are drawn from.</param>
internal delegate byte[] Mutation(byte[] file, IReadOnlyList<byte[]> others, Random random);

/// <summary>A reader under attack.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Folder">The folder of the corpus whose files are mutated.</param>
/// <param name="Mutate">How they are.</param>
/// <param name="Open">Makes the reader, in the process that is attacked.</param>
internal sealed record Target(string Name, string Folder, Mutation Mutate, Func<Corpus, IFileReader> Open)
{
    /// <summary>Exceptions that the reader's documentation lists.</summary>
    public Type[] Documented { get; init; } = [typeof(InvalidDataException), typeof(IOException)];

    /// <summary>Whether a file that is accepted must mean what the valid one does.</summary>
    public bool ComparesAnswers { get; init; }

    public bool Documents(Exception exception) => Array.Exists(Documented, type => type.IsInstanceOfType(exception));
}
