using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Scoring;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Safetensors files and the weights of files of all kinds in a network.</summary>
public sealed class PretrainedTests : FolderTest
{
    private static readonly HeadShape[] OneHead = [new(Head.Class, 3)];
    private static readonly Dictionary<string, string> NoMetadata = [];

    private readonly TorchSharp.DisposeScope _scope;

    public PretrainedTests()
    {
        TorchLibrary.EnsureLoaded();
        _scope = NewDisposeScope();
    }

    private string FilePath => InFolder("weights");

    public override void Dispose()
    {
        _scope.Dispose();
        base.Dispose();
    }

    [Theory]
    [InlineData("ResNet-18", "")]
    [InlineData("ResNet-18", "module.")]
    [InlineData("ResNet-50", "encoder.model.")]
    public void Torchvisions_weights_give_PyTorchs_embeddings(string name, string prefix)
    {
        var architecture = Architecture.ResNet(name == "ResNet-18" ? 18 : 50);
        var expected = FormulaWeights.Vectors.GetProperty(name);
        int side = expected.GetProperty("side").GetInt32();
        using var network = new SlaNetwork(architecture, new ImageShape(3, side, side), OneHead, seed: 1);
        Write([
            .. FormulaWeights.Of(network, architecture).Select(tensor => (prefix + tensor.Name, tensor.Shape, tensor.Values)),
            ($"{prefix}fc.weight", [2, 2], [1, 2, 3, 4]),
            ($"{prefix}bn1.num_batches_tracked", [1], [5]),
        ]);

        float[] head = network.GetWeights()["heads.class_head_weight"].Values;
        var pretrained = PretrainedWeights.Read(FilePath);
        Assert.Contains($"starts from {expected.GetProperty("names").GetArrayLength()} tensors", pretrained.LoadInto(network), StringComparison.Ordinal);
        Assert.Equal(PixelNormalization.ImageNet, pretrained.Normalization);
        network.eval();
        FormulaWeights.AssertEmbeddings(expected, network.forward(FormulaWeights.Images(side)));
        Assert.Equal(head, network.GetWeights()["heads.class_head_weight"].Values);
    }

    [Fact]
    public void A_file_that_PyTorch_wrote_gives_PyTorchs_embeddings()
    {
        // Vectors/make_pretrained.py: a CIFAR ResNet-8 with torch's own initial weights, in three types.
        var vectors = VectorFile.Read("pretrained.json");
        foreach (var (type, tolerance) in new[] { ("F32", 1e-4), ("F16", 1e-2), ("BF16", 5e-2) })
        {
            using var network = Cifar(channels: 3);
            PretrainedWeights.Read(Path.Combine(AppContext.BaseDirectory, "Vectors", $"resnet8-{type}.safetensors")).LoadInto(network);
            network.eval();
            Tensor embeddings = network.forward(VectorFile.Numbers(7, 2, 3, 32, 32).to(ScalarType.Float32));
            VectorFile.AssertClose(vectors.GetProperty("embeddings"), embeddings, tolerance);
        }
    }

    [Fact]
    public void A_model_of_this_library_is_read_from_its_zip_and_from_its_ONNX_file()
    {
        var mlContext = new MLContext(seed: 1);
        var images = Training.Images(mlContext);
        using var model = mlContext.MulticlassClassification.Trainers.Sla(Training.Options()).Fit(images);
        mlContext.Model.Save(model, images.Schema, FilePath);
        model.SaveOnnx(FilePath + ".onnx");
        foreach (string path in new[] { FilePath, FilePath + ".onnx" })
        {
            using var network = Cifar(channels: 1);
            var pretrained = PretrainedWeights.Read(path);
            pretrained.LoadInto(network);
            Assert.Equal(PixelNormalization.MinusOneToOne, pretrained.Normalization);
            Assert.Equal(model.Model.Weights["backbone.stage3.block1.body.conv2.weight"].Values, network.GetWeights()["backbone.stage3.block1.body.conv2.weight"].Values);
        }
    }

    [Fact]
    public void Weights_are_read_from_the_initializers_of_a_foreign_ONNX_file()
    {
        using var source = Cifar(channels: 3);
        var graph = new OnnxGraph("foreign");
        foreach (var (name, shape, values) in source.GetWeights().Where(tensor => tensor.Name.StartsWith("backbone.", StringComparison.Ordinal)))
            graph.Initializer(WeightNames.OfTorchvision(name), values, shape);
        File.WriteAllBytes(FilePath, graph.ToBytes());

        using var network = Cifar(channels: 3, seed: 2);
        PretrainedWeights.Read(FilePath).LoadInto(network);
        Assert.Equal(source.GetWeights()["backbone.stem.conv.weight"].Values, network.GetWeights()["backbone.stem.conv.weight"].Values);

        var folded = new OnnxGraph("folded");
        folded.Initializer("onnx::Conv_193", [1f], 1, 1, 1, 1);
        File.WriteAllBytes(FilePath, folded.ToBytes());
        Assert.Contains("do_constant_folding=False", Assert.Throws<InvalidDataException>(() => PretrainedWeights.Read(FilePath)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(1, 3)]
    public void The_first_convolution_sees_a_grey_image_as_a_colour_image_of_equal_channels(int from, int to)
    {
        using var source = Cifar(from);
        Write(source.GetWeights());
        using var network = Cifar(to, seed: 2);
        Assert.Contains($"from {from} to {to} channels", PretrainedWeights.Read(FilePath).LoadInto(network), StringComparison.Ordinal);
        source.eval();
        network.eval();
        Tensor gray = rand(2, 1, 32, 32);
        AssertClose(source.forward(gray.repeat(1, from, 1, 1)), network.forward(gray.repeat(1, to, 1, 1)));
    }

    [Fact]
    public void Weights_of_another_network_are_refused_with_the_differences()
    {
        using var network = Cifar(channels: 3);
        using var deeper = new SlaNetwork(Architecture.CifarResNet(14), new ImageShape(3, 32, 32), OneHead, seed: 1);
        using var wider = new SlaNetwork(Architecture.CifarResNet(8, 2), new ImageShape(3, 32, 32), OneHead, seed: 1);

        Write(deeper.GetWeights());
        string message = Assert.Throws<InvalidDataException>(() => PretrainedWeights.Read(FilePath).LoadInto(network)).Message;
        Assert.Contains("30 unexpected (backbone.stage1.block2.body.bn1.bias", message, StringComparison.Ordinal);
        Write(network.GetWeights());
        Assert.Contains("30 missing", Assert.Throws<InvalidDataException>(() => PretrainedWeights.Read(FilePath).LoadInto(deeper)).Message, StringComparison.Ordinal);
        Assert.Contains("is [16, 3, 3, 3] and must be [32, 3, 3, 3]", Assert.Throws<InvalidDataException>(() => PretrainedWeights.Read(FilePath).LoadInto(wider)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("zip")]
    [InlineData("legacy")]
    public void Pickle_files_are_refused_with_the_reason(string kind)
    {
        if (kind == "legacy")
        {
            File.WriteAllBytes(FilePath, [0x80, 0x02, 0x8A, 0x0A, 0x6C]);
        }
        else
        {
            using var archive = System.IO.Compression.ZipFile.Open(FilePath, System.IO.Compression.ZipArchiveMode.Create);
            archive.CreateEntry("archive/data.pkl");
        }

        string message = Assert.Throws<InvalidDataException>(() => PretrainedWeights.Read(FilePath)).Message;
        Assert.Contains("can run any code", message, StringComparison.Ordinal);
        Assert.Contains("safetensors.torch.save_file", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_no_known_kind_and_a_missing_one_are_named()
    {
        File.WriteAllText(FilePath, "these are no weights");
        Assert.Contains(FilePath, Assert.Throws<InvalidDataException>(() => PretrainedWeights.Read(FilePath)).Message, StringComparison.Ordinal);
        var missing = Assert.Throws<FileNotFoundException>(() =>
            new MLContext().MulticlassClassification.Trainers.Sla(new SlaTrainer.Options { PretrainedPath = FilePath + "x" }));
        Assert.Contains("PretrainedPath", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_is_read_back() => Gen.Select(Gen.Int[0, 3], Gen.Int[0, 4], Gen.String[Gen.Char.AlphaNumeric, 1, 8]).Array[0, 5].Sample(rows =>
    {
        var random = new Random(1);
        (string, long[], float[])[] tensors = [.. rows.DistinctBy(row => row.Item3).Select(row =>
            (row.Item3, new long[] { row.Item1, row.Item2 }, Enumerable.Range(0, row.Item1 * row.Item2).Select(_ => random.NextSingle()).ToArray()))];
        using (var stream = File.Create(FilePath))
            SafetensorsFile.Write(stream, tensors, new Dictionary<string, string> { ["key"] = "välue\n" });
        using var file = SafetensorsFile.Open(FilePath);
        Assert.Equal("välue\n", file.Metadata["key"]);
        Assert.Equal(tensors.Length, file.Names.Count);
        foreach (var (name, shape, values) in tensors)
        {
            Assert.Equal(shape, file.Shape(name));
            Assert.Equal(values, file.Read(name));
        }
    }, threads: 1);

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "lie outside")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "needs 12 bytes and has 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 8, "overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "header cannot be read")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "header cannot be read")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4, "header cannot be read")]
    [InlineData("""{"a":7""", 0, "header cannot be read")]
    public void Malformed_files_say_what_is_wrong(string header, int bytes, string expected)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] file = new byte[8 + json.Length + bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)json.Length);
        json.CopyTo(file, 8);
        File.WriteAllBytes(FilePath, file);
        string message = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(FilePath)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(FilePath, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 1, 2 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 127, (byte)'{' })]
    [InlineData(new byte[] { 9, 0, 0, 0, 0, 0, 0, 0, (byte)'{' })]
    public void Headers_that_cannot_be_are_refused_without_being_read(byte[] file)
    {
        File.WriteAllBytes(FilePath, file);
        Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(FilePath));
    }

    [Fact]
    public void Integers_are_no_weights()
    {
        byte[] json = Encoding.UTF8.GetBytes("""{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}""");
        File.WriteAllBytes(FilePath, [.. BitConverter.GetBytes((ulong)json.Length), .. json, .. new byte[8]]);
        using var file = SafetensorsFile.Open(FilePath);
        Assert.Contains("of type I64", Assert.Throws<InvalidDataException>(() => file.Read("a")).Message, StringComparison.Ordinal);
    }

    private static SlaNetwork Cifar(int channels, int seed = 1) => new(Architecture.CifarResNet(8), new ImageShape(channels, 32, 32), OneHead, seed);

    private static void AssertClose(Tensor expected, Tensor actual) =>
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, 1e-4);

    private void Write(IEnumerable<(string, long[], float[])> tensors)
    {
        using var stream = File.Create(FilePath);
        SafetensorsFile.Write(stream, [.. tensors], NoMetadata);
    }
}
