using System.Globalization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>What is typed: words, and options with a value.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _options = new(StringComparer.Ordinal)
    {
        ["--cifar"] = Path.Combine("artifacts", "cifar10"),
        ["--fashion"] = "/usr/share/datasets/fashion-mnist",
        ["--results"] = Path.Combine("docs", "results", "runs.jsonl"),
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

    public string Cifar => _options["--cifar"];

    public string Fashion => _options["--fashion"];

    /// <summary>The file of all runs.</summary>
    public string Results => _options["--results"];

    /// <summary>The highest seed that is run.</summary>
    public int Seeds => int.Parse(_options["--seeds"], CultureInfo.InvariantCulture);

    public int Processes => int.Parse(_options["--processes"], CultureInfo.InvariantCulture);

    /// <summary>The options that a process needs that trains one run.</summary>
    public string[] ForChild => ["--cifar", Cifar, "--fashion", Fashion];
}
