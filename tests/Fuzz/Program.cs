using System.Globalization;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>Attacks every reader of files with mutated files. See README.md.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        switch (args)
        {
            case [Child.Verb, var corpus, var work]:
                return new Child(new Corpus(corpus), work).Run();
            case [Corpus.Verb, var folder]:
                Corpus.Write(folder);
                return 0;
            default:
                return Options.Command(Attack).Parse(args).Invoke();
        }
    }

    private static int Attack(Options options)
    {
        using var watch = new Watch(options);
        return watch.Run();
    }
}
