using System.ComponentModel.DataAnnotations;

namespace WebApp;

/// <summary>The section <c>WebApp</c> of the configuration: appsettings.json, variables such as <c>WebApp__ModelPath</c>, or arguments such as <c>--WebApp:ModelPath</c>.</summary>
internal sealed class WebAppOptions
{
    public const string Section = "WebApp";

    /// <summary>The model's file. Null: the quick start's model, which the program trains if it is not there.</summary>
    public string? ModelPath { get; set; }

    /// <summary>The folder of the classes that were taught, and of a model that the program trained.</summary>
    [Required]
    public string Folder { get; set; } = Path.Combine("artifacts", "webapp");

    /// <summary>How long a model is trained where none is there.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan TrainingTime { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Bytes of an image, at most.</summary>
    [Range(1, 1_000_000_000)]
    public int ImageBytes { get; set; } = 20_000_000;

    /// <summary>Width times height that an image may declare, at most.</summary>
    [Range(1, 1_000_000_000)]
    public long PixelLimit { get; set; } = 50_000_000;

    /// <summary>Images in a request, at most.</summary>
    [Range(1, 10_000)]
    public int ImagesPerRequest { get; set; } = 32;

    /// <summary>Requests that are read or wait at the same time, at most. Each may have <see cref="ImageBytes"/> in memory. More are answered 503.</summary>
    [Range(1, 100_000)]
    public int Requests { get; set; } = 64;

    /// <summary>Images that are scored at the same time. Null: one a processor.</summary>
    [Range(1, 10_000)]
    public int? Predictions { get; set; }

    /// <summary>Requests of a client in a second, on average. More are answered 429. Null: no limit.</summary>
    [Range(1, 1_000_000)]
    public int? RequestsPerSecond { get; set; } = 50;

    /// <summary>The wanted share of wrong predictions among those that are not rejected. Null: nothing is rejected.</summary>
    [Range(0.0001, 0.9999)]
    public double? ErrorRate { get; set; } = 0.05;

    /// <summary>The key that writing routes ask for in the header <c>X-Api-Key</c>. Null: only programs and browsers of this machine may write.</summary>
    [MinLength(16)]
    public string? ApiKey { get; set; }

    /// <summary>Classes that can be taught, at most.</summary>
    [Range(1, 100_000)]
    public int Classes { get; set; } = 1_000;

    /// <summary>Images of a class that was taught, at most.</summary>
    [Range(1, 10_000)]
    public int ImagesPerClass { get; set; } = 100;

    /// <summary>Where the model is, and whether the program may train it.</summary>
    public (string Path, bool IsOwn) Model(string root)
    {
        if (ModelPath is not null)
            return (Path.GetFullPath(ModelPath, root), false);
        string quickStart = Path.GetFullPath(Path.Combine("artifacts", "quickstart", "model.zip"), root);
        return File.Exists(quickStart) ? (quickStart, false) : (Path.Combine(FullFolder(root), "model.zip"), true);
    }

    /// <summary>The full path of <see cref="Folder"/>.</summary>
    public string FullFolder(string root) => Path.GetFullPath(Folder, root);
}
