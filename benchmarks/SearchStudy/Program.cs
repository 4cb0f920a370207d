// What a search finds, against the library's defaults in the same time, and against an exhaustive comparison of transformation sets.
//   dotnet run -c Release --project benchmarks/SearchStudy -- search|defaults|sets|sets:AUGMENTATION DATA FOLDER OUTPUT.jsonl SECONDS THREADS SEED...
// runs the search, the defaults, or a search's first trial with each set by itself, under the defaults' base augmentation or that of a name in the search
// space, each in so many seconds. search:held-out and defaults:held-out keep a fifth of the images from the model to its end, as sets do.
// DATA is fashion (folder with train/<class>/*.png and test/<class>/*.png, as the quick start unpacks them), cifar10 (the same, of JPEG files; 100 images
// of each class are trained on, and 250 with cifar10-250) or omniglot (folder with <alphabet>/<character>/*.png; the alphabets are the classes). Each run adds a line
// of JSON; those that the file has are not run again, and a search that was killed goes on in FOLDER of OUTPUT.jsonl.searches.
//   dotnet run -c Release --project benchmarks/SearchStudy -- report FILE...
// makes the tables of docs/search.md of the lines.
using System.Globalization;
using Microsoft.ML.Sla.SearchStudy;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case [("search" or "defaults" or "search:held-out" or "defaults:held-out" or "sets" or ['s', 'e', 't', 's', ':', ..]) and var verb, var data, var folder, var output, var seconds, var threads, .. var seeds] when seeds.Length > 0:
        var study = new Study(data, folder, output, uint.Parse(seconds, CultureInfo.InvariantCulture), int.Parse(threads, CultureInfo.InvariantCulture));
        Action<int> run = verb switch
        {
            "search" or "search:held-out" => seed => study.RunSearch(seed, isHeldOut: verb != "search"),
            "defaults" or "defaults:held-out" => seed => study.RunDefaults(seed, isHeldOut: verb != "defaults"),
            _ => seed => study.RunSets(seed, augmentation: verb.Split(':').ElementAtOrDefault(1)),
        };
        foreach (int seed in seeds.Select(seed => int.Parse(seed, CultureInfo.InvariantCulture)))
            run(seed);

        return 0;
    case ["report", .. var files] when files.Length > 0:
        Console.Write(Report.Of([.. files.SelectMany(Measurement.ReadAll)]));
        return 0;
    default:
        Console.Error.WriteLine("""
            SearchStudy search|defaults|search:held-out|defaults:held-out|sets|sets:AUGMENTATION fashion|cifar10|cifar10-250|omniglot FOLDER OUTPUT.jsonl SECONDS THREADS SEED...
                the search, the library's defaults, on all images or on four fifths of them, or each set of transformations by itself, under the defaults' base
                augmentation or none, crop, crop+flip, color or strong
            SearchStudy report FILE...
                prints the tables in Markdown
            """);
        return 1;
}
