using System.Globalization;

namespace Microsoft.ML.Sla.Faults;

/// <summary>Lets faults happen to trainings and searches, and looks at what comes of them. See README.md.</summary>
internal static class Program
{
    private const int ShortRounds = 1;
    private const int WholeRounds = 10;

    private static int Main(string[] args)
    {
        switch (args)
        {
            case [Child.Verb, var kind, var folder, var pause]:
                return Child.Run(kind, folder, int.Parse(pause, CultureInfo.InvariantCulture));
            case []:
                return AllFaults.Run(WholeRounds, isShort: false);
            case ["--short"]:
                return AllFaults.Run(ShortRounds, isShort: true);
            case ["--rounds", var rounds] when int.TryParse(rounds, CultureInfo.InvariantCulture, out int count) && count > 0:
                return AllFaults.Run(count, isShort: false);
            case ["--rounds", var rounds, "--only", var fault] when int.TryParse(rounds, CultureInfo.InvariantCulture, out int count) && count > 0:
                return AllFaults.Run(count, isShort: false, fault);
            default:
                Console.Error.WriteLine("Give nothing, --short, or --rounds and a number. After the number, --only and a part of a fault's name.");
                return 2;
        }
    }
}
