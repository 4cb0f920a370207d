// Runs studies and draws what they found. A study is a file in benchmarks/Studies/studies, or a .json file elsewhere; `all` stands for every one there.
//   dotnet run -c Release --project benchmarks/Studies -- run STUDY... [--cifar DIR] [--fashion DIR] [--seeds N] [--processes N]
// trains what docs/results/runs.jsonl does not have yet, each run in a process of its own on one thread, and adds a line for each.
//   dotnet run -c Release --project benchmarks/Studies -- report STUDY...
// makes docs/results/STUDY.md, .svg and, where Chromium is installed, .png of these lines alone.
//   dotnet run -c Release --project benchmarks/Studies -- export STUDY FOLDER [--cifar DIR] [--fashion DIR] [--seeds N]
// writes images, labels and their order of each run of a study to a file for sla_pytorch.py.
//   dotnet run -c Release --project benchmarks/Studies -- exposure
// makes docs/results/exposure.md, .svg and .png of all runs of SLA that have a baseline beside them.
//   dotnet run -c Release --project benchmarks/Studies -- agreement
// makes docs/results/pytorch.md, .svg and .png of the runs that both programs have trained.
using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Sla.Studies;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
try
{
    var arguments = new Arguments(args);
    switch (arguments.Words)
    {
        case ["run", .. var names] when names.Length > 0:
            return await new Runner(arguments).RunAsync([.. Study.Read(names).SelectMany(study => study.Runs)]).ConfigureAwait(false);
        case [Runner.ChildVerb, var run]:
            Console.WriteLine(JsonSerializer.Serialize(Training.Measure(JsonSerializer.Deserialize<Run>(run, Lines.Json)!, arguments), Lines.Json));
            return 0;
        case ["report", .. var names] when names.Length > 0:
            foreach (var study in Study.Read(names))
                new Report(study, Lines.Read(arguments.Results)).Write(Path.GetDirectoryName(arguments.Results)!);
            return 0;
        case ["exposure"]:
            Exposure.Write(Lines.Read(arguments.Results), Path.GetDirectoryName(arguments.Results)!);
            return 0;
        case ["agreement"]:
            Agreement.Write(Lines.Read(arguments.Results), Path.GetDirectoryName(arguments.Results)!);
            return 0;
        case ["export", var name, var folder]:
            foreach (var run in Study.Read([name]).Single().Runs.Where(run => run.Seed <= arguments.Seeds))
                Console.WriteLine(Export.Write(run, arguments, folder));
            return 0;
        default:
            Console.Error.WriteLine("""
                Studies run STUDY...            trains what docs/results/runs.jsonl does not have yet
                Studies report STUDY...         makes tables and figures in docs/results
                Studies export STUDY FOLDER     writes what sla_pytorch.py trains on
                Studies exposure                compares SLA with the baseline by views of an image
                Studies agreement               compares what both have trained
                Options: --cifar DIR (train/<class>/*.jpg and test/<class>/*.jpg), --fashion DIR (the four .gz files), --seeds N (the first N), --processes N, --results FILE
                """);
            return 1;
    }
}
catch (Exception exception) when (exception is IOException or InvalidDataException or FormatException or ArgumentException or JsonException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
