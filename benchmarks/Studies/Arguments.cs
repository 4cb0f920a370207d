using System.Globalization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>What is typed: words, and options with a value.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _options = new(StringComparer.Ordinal)
    {
        ["--cifar"] = Path.Combine("artifacts", "cifar10"),
        ["--fashion"] = "/usr/share/datasets/fashion-mnist",
        ["--quickstart"] = Path.Combine("samples", "QuickStart", "Data", "fashion-mnist.zip"),
        ["--omniglot"] = Path.Combine("artifacts", "omniglot"),
        ["--clothes"] = Path.Combine("artifacts", "clothes"),
        ["--grocery"] = Path.Combine("artifacts", "grocery"),
        ["--results"] = Path.Combine("benchmarks", "results"),
        ["--artifacts"] = Path.Combine("artifacts", "studies"),
        ["--pages"] = Path.Combine("docs", "evidence", "studies"),
        ["--seeds"] = $"{int.MaxValue}",
        ["--processes"] = $"{Environment.ProcessorCount}",
    };

    /// <exception cref="ArgumentException">There is no such option, or it has no value.</exception>
    public Arguments(string[] args)
    {
        var words = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal))
                words.Add(args[i]);
            else if (!_options.ContainsKey(args[i]) || i + 1 == args.Length)
                throw new ArgumentException($"'{args[i]}' is no option with a value: there are {string.Join(", ", _options.Keys)}.");
            else
                _options[args[i]] = args[++i];
        }

        Words = [.. words];
        Command = string.Join(' ', args);
    }

    public string[] Words { get; }

    /// <summary>All that was typed.</summary>
    public string Command { get; }

    /// <summary>CIFAR-10 as <c>train/CLASS/*.jpg</c> and <c>test/CLASS/*.jpg</c>.</summary>
    public string Cifar => _options["--cifar"];

    /// <summary>The four files of Fashion-MNIST.</summary>
    public string Fashion => _options["--fashion"];

    /// <summary>The zip file of the quick start's images.</summary>
    public string QuickStart => _options["--quickstart"];

    /// <summary>The zip files of Omniglot's small background sets.</summary>
    public string Omniglot => _options["--omniglot"];

    /// <summary>Photos of clothes as <c>train/CLASS/*</c> and <c>test/CLASS/*</c>.</summary>
    public string Clothes => _options["--clothes"];

    /// <summary>Photos of groceries as <c>train/CLASS/*</c> and <c>validation/CLASS/*</c>.</summary>
    public string Grocery => _options["--grocery"];

    /// <summary>A folder inside that of what runs leave for others: unpacked images, models and searches.</summary>
    public string ArtifactsOf(string what) => Path.Combine(_options["--artifacts"], what);

    /// <summary>The folder of pages.</summary>
    public string Pages => _options["--pages"];

    /// <summary>The highest seed that is run.</summary>
    public int Seeds => int.Parse(_options["--seeds"], CultureInfo.InvariantCulture);

    public int Processes => int.Parse(_options["--processes"], CultureInfo.InvariantCulture);

    /// <summary>The options that a process needs that measures one run.</summary>
    public string[] ForChild => ["--cifar", Cifar, "--fashion", Fashion, "--quickstart", QuickStart, "--omniglot", Omniglot, "--clothes", Clothes, "--grocery", Grocery, "--artifacts", _options["--artifacts"]];

    /// <summary>The file of a study's lines.</summary>
    public string LinesOf(Study study) => Path.Combine(_options["--results"], study.LinesName);
}
