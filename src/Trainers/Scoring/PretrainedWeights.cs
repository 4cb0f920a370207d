using System.IO.Compression;
using Google.Protobuf;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>Weights that a training starts from. They come from a file of one of several kinds, which its content shows.</summary>
internal sealed class PretrainedWeights
{
    private const string FoldedPrefix = "onnx::";

    private readonly string _path;
    private readonly Weights _weights;

    private PretrainedWeights(string path, Weights weights)
    {
        _path = path;
        _weights = weights;
    }

    private PretrainedWeights(string path, TrainedModel model)
        : this(path, model.Weights)
    {
        Normalization = model.Description.Normalization;
        Architecture = model.Description.Architecture;
    }

    /// <summary>The network of the weights, if the file is a model of this library; otherwise null.</summary>
    public Architecture? Architecture { get; }

    /// <summary>The normalisation that the weights need: the model's own for a model of this library, otherwise ImageNet's.</summary>
    public PixelNormalization Normalization { get; } = PixelNormalization.ImageNet;

    /// <summary>Reads a safetensors file, an ONNX file, or a model that <c>mlContext.Model.Save</c> wrote.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is of another kind, or damaged; the message says what to do.</exception>
    public static PretrainedWeights Read(string path) => ParsedFile.Read(path, "a file of weights", () =>
    {
        var pretrained = Parse(path);
        if (pretrained._weights.FirstNotFinite() is { } broken)
            throw new InvalidDataException($"The tensor '{broken}' of '{path}' has values that are not numbers (NaN or infinite). Save the weights of an earlier step.");
        return pretrained;
    });

    private static PretrainedWeights Parse(string path)
    {
        Span<byte> start = stackalloc byte[16];
        using (var stream = File.OpenRead(path))
            start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];

        if (SafetensorsFile.IsSafetensors(start))
            return new PretrainedWeights(path, OfSafetensors(path));
        if (start.StartsWith((ReadOnlySpan<byte>)[0x80, 0x02]))
            throw Pickle(path);
        if (start.StartsWith("PK"u8))
            return OfArchive(path);
        return OfOnnx(path);
    }

    /// <summary>The weights of a backbone, with those of the file in their places.</summary>
    /// <param name="architecture">The backbone.</param>
    /// <param name="shape">Shape of the images.</param>
    /// <param name="seed">Seed of the weights that the file does not have.</param>
    /// <exception cref="InvalidDataException">The weights are not those of such a network.</exception>
    public Weights BackboneOf(Architecture architecture, ImageShape shape, int seed)
    {
        using var network = new SlaNetwork(architecture, shape, heads: [], seed);
        LoadInto(network);
        return new Weights(network.GetWeights().Where(tensor => SlaNetwork.IsOfBackbone(tensor.Name)));
    }

    /// <summary>Sets a network's backbone to the weights.</summary>
    /// <returns>A summary for the log.</returns>
    /// <exception cref="InvalidDataException">The weights belong to another network; the message lists the differences.</exception>
    public string LoadInto(SlaNetwork network)
    {
        var wanted = network.FloatTensors().Where(tensor => SlaNetwork.IsOfBackbone(tensor.Name))
            .Select(tensor => (tensor.Name, tensor.Value.shape)).ToList();
        var names = WeightNames.Match([.. wanted.Select(tensor => tensor.Name)], [.. _weights.Select(tensor => tensor.Name)]);

        var matched = new Weights();
        var misfits = new List<string>();
        string adapted = "";
        foreach (var (name, shape) in wanted)
        {
            if (names.Found.GetValueOrDefault(name) is not { } there)
                continue;
            var tensor = _weights[there];
            if (StemChannels.Adapt(tensor, shape) is { } stem)
            {
                adapted = $"; the first convolution was converted from {tensor.Shape[1]} to {shape[1]} channels";
                tensor = stem;
            }

            if (tensor.Shape.AsSpan().SequenceEqual(shape))
                matched[name] = tensor;
            else
                misfits.Add($"'{there}' is [{string.Join(", ", tensor.Shape)}] and must be [{string.Join(", ", shape)}]");
        }

        string problems = string.Join("; ", new[] { Listed("missing", names.Missing), Listed("unexpected", names.Unexpected), Listed("of another shape", misfits) }.OfType<string>());
        if (problems.Length > 0)
        {
            throw new InvalidDataException(
                $"The weights of '{_path}' do not fit the network: {problems}. Set Architecture to the network that the file was trained with; of the ResNets "
                + "of torchvision and timm, those with the plain stem fit (resnet18, resnet34, resnet50), and those with a deep one (resnet18d) do not.");
        }

        network.SetWeights(matched, withHeads: false);
        return $"the backbone starts from {matched.Count()} tensors of '{_path}'{adapted}; {names.Ignored} others are not used";
    }

    private static string? Listed(string what, IReadOnlyCollection<string> names) => names.Count == 0
        ? null
        : $"{names.Count} {what} ({string.Join(", ", names.Take(5))}{(names.Count > 5 ? ", ..." : "")})";

    private static Weights OfSafetensors(string path)
    {
        using var file = SafetensorsFile.Open(path);
        var weights = new Weights();
        foreach (string name in file.Names.Where(name => !WeightNames.IsCounter(name)))
            weights[name] = (file.Shape(name), file.Read(name));
        return weights;
    }

    private static PretrainedWeights OfArchive(string path)
    {
        using (var archive = ZipFile.OpenRead(path))
        {
            if (archive.Entries.Any(entry => entry.Name == "data.pkl"))
                throw Pickle(path);
        }

        var (model, _) = SavedClassifier.ReadNetwork(path);
        return new PretrainedWeights(path, model);
    }

    private static PretrainedWeights OfOnnx(string path)
    {
        ModelProto? model;
        try
        {
            model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        }
        catch (InvalidProtocolBufferException)
        {
            model = null;
        }

        if (model?.Graph is null)
        {
            throw new InvalidDataException(
                $"'{path}' holds no weights that can be read: it is neither a safetensors file, nor an ONNX model, nor a model that mlContext.Model.Save wrote.");
        }

        if (TrainedModel.HasSlaMetadata(model.MetadataProps))
        {
            var (trained, _) = TrainedModel.FromOnnx(model);
            return new PretrainedWeights(path, trained);
        }

        return new PretrainedWeights(path, Initializers(path, model.Graph));
    }

    private static Weights Initializers(string path, GraphProto graph)
    {
        var floats = graph.Initializer.Where(tensor => tensor.DataType == (int)OnnxType.Float).ToList();
        if (floats.Any(tensor => tensor.Name.StartsWith(FoldedPrefix, StringComparison.Ordinal)))
        {
            throw new InvalidDataException(
                $"'{path}' holds convolutions that batch normalisation was folded into, without their names. Export it with "
                + "torch.onnx.export(..., training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False), or save a safetensors file.");
        }

        if (floats.Any(tensor => tensor.DataLocation == TensorProto.Types.DataLocation.External))
            throw new InvalidDataException($"'{path}' keeps its weights in another file. Save it with onnx.save_model(..., save_as_external_data=False).");

        var weights = new Weights();
        foreach (var tensor in floats)
        {
            weights[tensor.Name] = ([.. tensor.Dims], tensor.FloatData.Count > 0 ? FloatData(tensor) : tensor.Floats());
        }

        return weights;
    }

    private static float[] FloatData(TensorProto tensor) => TensorShape.Bytes(tensor.Dims, valueBytes: 1) == tensor.FloatData.Count
        ? [.. tensor.FloatData]
        : throw new InvalidDataException($"the tensor '{tensor.Name}' has {tensor.FloatData.Count} values, which are not of shape [{string.Join(", ", tensor.Dims)}].");

    private static InvalidDataException Pickle(string path) => new(
        $"'{path}' is a PyTorch pickle file, and reading it can run any code that it contains. Save the weights as a safetensors file, in Python: "
        + "import torch, safetensors.torch; safetensors.torch.save_file(torch.load('weights.pth', map_location='cpu', weights_only=True), 'weights.safetensors').");
}
