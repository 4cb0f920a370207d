using Microsoft.ML.Sla.Fuzz.Mutations;
using Microsoft.ML.Sla.Fuzz.Readers;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>All readers of files of the library and its command line.</summary>
internal static class AllTargets
{
    public static IReadOnlyList<Target> All { get; } =
    [
        new("image-png", "image-png", PngMutation.Mutate, _ => new ImageReader()),
        new("image-jpg", "image-jpg", RawMutation.Mutate, _ => new ImageReader()),
        new("image-gif", "image-gif", RawMutation.Mutate, _ => new ImageReader()),
        new("image-bmp", "image-bmp", RawMutation.Mutate, _ => new ImageReader()),
        new("image-webp", "image-webp", RawMutation.Mutate, _ => new ImageReader()),
        new("image-ico", "image-ico", RawMutation.Mutate, _ => new ImageReader()),
        new("transformer", "model", ArchiveMutation.Mutate, corpus => new TransformerReader(corpus, withAnother: false)),
        new("inference", "model", ArchiveMutation.Mutate, corpus => new TransformerReader(corpus, withAnother: true)),
        new("predictor", "model", ArchiveMutation.Mutate, corpus => new PredictorReader(corpus, withViews: false)),
        new("views", "model", ArchiveMutation.Mutate, corpus => new PredictorReader(corpus, withViews: true)),
        new("int8", "int8", ArchiveMutation.Mutate, corpus => new PredictorReader(corpus, withViews: false)),
        new("embedding", "embedding", ArchiveMutation.Mutate, corpus => new EmbeddingReader(corpus)),
        new("prototypes", "prototypes", ArchiveMutation.Mutate, corpus => new PrototypesReader(corpus)),
        new("weights-safetensors", "weights-safetensors", SafetensorsMutation.Mutate, _ => new WeightsReader()),
        new("weights-onnx", "weights-onnx", OnnxMutation.Mutate, _ => new WeightsReader()),
        new("weights-model", "model", ArchiveMutation.Mutate, _ => new WeightsReader()),
        new("backbone", "backbone", OnnxMutation.Mutate, _ => new BackboneReader()),
        new("frozen", "frozen", ArchiveMutation.Mutate, corpus => new TransformerReader(corpus, withAnother: true)),
        new("safetensors", "weights-safetensors", SafetensorsMutation.Mutate, _ => new SafetensorsReader()),
        new("checkpoint", "checkpoint", CheckpointMutation.Mutate, _ => new CheckpointReader()),

        // That the checkpoint is of another run is a documented InvalidOperationException.
        new("resume", "checkpoint", CheckpointMutation.Mutate, _ => new ResumeReader())
        {
            Documented = [typeof(InvalidDataException), typeof(IOException), typeof(InvalidOperationException)],
        },
        new("search", "search", LinesMutation.Mutate, corpus => new SearchReader(corpus)),
        new("list", "list", RawMutation.Mutate, corpus => new ListReader(corpus)) { Documented = [typeof(global::Sla.InputException)] },
        Flips("flips-transformer", "model", corpus => new TransformerReader(corpus, withAnother: false)),
        Flips("flips-predictor", "model", corpus => new PredictorReader(corpus, withViews: false)),
        Flips("flips-frozen", "frozen", corpus => new TransformerReader(corpus, withAnother: false)),
        Flips("flips-int8", "int8", corpus => new PredictorReader(corpus, withViews: false)),
        Flips("flips-embedding", "embedding", corpus => new EmbeddingReader(corpus)),
        Flips("flips-prototypes", "prototypes", corpus => new PrototypesReader(corpus)),
        Flips("flips-checkpoint", "checkpoint", _ => new CheckpointReader()),
    ];

    /// <summary>Readers of names, or of first words of names; all of them where there are no names.</summary>
    public static IReadOnlyList<Target> Named(IReadOnlyCollection<string> names) =>
        names.Count == 0 ? All : [.. All.Where(target => names.Any(name => IsNamed(target, name)))];

    /// <summary>The first name that is none of a reader; null where there is none such.</summary>
    public static string? Unknown(IEnumerable<string> names) => names.FirstOrDefault(name => !All.Any(target => IsNamed(target, name)));

    private static bool IsNamed(Target target, string name) => target.Name == name || target.Name.StartsWith(name + "-", StringComparison.Ordinal);

    /// <summary>A single bit of the file is another: it must be refused, or mean what it did.</summary>
    private static Target Flips(string name, string folder, Func<Corpus, IFileReader> open) =>
        new(name, folder, (file, _, random) => RawMutation.FlipBit(file, random), open) { ComparesAnswers = true };
}
