// Runs studies and draws what they found. A study is a file in benchmarks/Studies/studies, or a .json file elsewhere; `all` stands for every one there.
//   dotnet run -c Release --project benchmarks/Studies -- run STUDY... [--cifar DIR] [--seeds N] [--processes N] ...
// does the runs that the study's file in benchmarks/results does not have yet, each in a process of its own, and adds a line for each.
//   dotnet run -c Release --project benchmarks/Studies -- report STUDY...
// makes docs/evidence/studies/STUDY.md, .svg and, where Chromium is installed, .png of these lines alone.
//   dotnet run -c Release --project benchmarks/Studies -- export STUDY FOLDER [--cifar DIR] [--fashion DIR] [--seeds N]
// writes images, labels and their order of each run of a study to a file for sla_pytorch.py.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Sla.Studies;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
try
{
    var arguments = new Arguments(args);
    switch (arguments.Words)
    {
        case ["run", .. var names] when names.Length > 0:
            return await new Runner(arguments).RunAsync(Study.Read(names)).ConfigureAwait(false);
        case [Runner.ChildVerb, var name, var run]:
            Console.WriteLine(JsonSerializer.Serialize(Study.Read([name]).Single().ParseRun(JsonNode.Parse(run)!).Measure(arguments), Lines.Json));
            return 0;
        case ["report", .. var names] when names.Length > 0:
            foreach (var study in Study.Read(names))
                Page.Write(study, arguments);
            return 0;
        case ["export", var name, var folder]:
            foreach (var run in Study.Read([name]).Single().ListRuns().OfType<TrainingRun>().Where(run => run.Seed <= arguments.Seeds))
                Console.WriteLine(Export.Write(run, arguments, folder));
            return 0;
        default:
            Console.Error.WriteLine("""
                Studies run STUDY...            does the runs that the study's file of lines does not have yet
                Studies report STUDY...         makes tables and figures of the lines
                Studies export STUDY FOLDER     writes what sla_pytorch.py trains on
                Options: --cifar DIR (train/<class>/*.jpg and test/<class>/*.jpg), --fashion DIR (the four .gz files), --quickstart ZIP (the quick start's images),
                --omniglot DIR (the two .zip files), --clothes DIR and --grocery DIR (photos as train/<class>/* and test/<class>/* or validation/<class>/*), --seeds N (the first N), --processes N, --results DIR (of lines), --pages DIR (of tables and figures),
                --artifacts DIR (of models and unpacked images)
                """);
            return 1;
    }
}
catch (Exception exception) when (exception is IOException or InvalidDataException or FormatException or ArgumentException or JsonException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
