using System.IO.Compression;
using System.Text;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Search;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Files that are damaged, or that say what cannot be, are refused by name, and none gives another answer than it was saved with.</summary>
public sealed class DamagedFileTests : FolderTest
{
    private const string Version = "\"libraryVersion\":";

    private readonly MLContext _mlContext = new(seed: 1);
    private readonly string _model;
    private readonly string _changed;

    public DamagedFileTests()
    {
        _model = InFolder("model.zip");
        _changed = InFolder("changed.zip");
        ModelFile.Save(_mlContext, _model);
    }

    /// <summary>Part of a description, and what stands there in its place.</summary>
    public static TheoryData<string, string> Contradictions => new()
    {
        { "\"names\":[\"a\",\"b\",\"c\"]", "\"names\":[\"a\",\"b\"]" },
        { "\"names\":[\"a\",\"b\",\"c\"]", "\"names\":[\"a\",\"b\",null]" },
        { "\"names\":[\"a\",\"b\",\"c\"]", "\"names\":[\"a\",\"b\",\"b\"]" },
        { "\"names\":[\"a\",\"b\",\"c\"]", "\"names\":[]" },
        { "\"names\":[\"a\",\"b\",\"c\"]", "\"names\":[\"a\",\"b\",\"\\u001b[31mc\"]" },
        { "\"channels\":3", "\"channels\":4" },
        { "\"height\":16", "\"height\":20000" },
        { "\"height\":16,\"width\":16", "\"height\":2000000000,\"width\":2000000000" },
        { "\"height\":16", "\"height\":-16" },
        { "\"height\":16", "\"height\":24" },
        { "\"$type\":\"convNet\",\"width\":4", "\"$type\":\"convNet\",\"width\":8" },
        { "\"$type\":\"convNet\",\"width\":4", "\"$type\":\"convNet\",\"width\":2000000000" },
        { "\"$type\":\"convNet\",\"width\":4", "\"$type\":\"cifarResNet\",\"depth\":1999999994,\"width\":1" },
        { "\"resizing\":\"IsoCrop\"", "\"resizing\":77" },
        { "\"kind\":\"Image\"", "\"kind\":\"Floats\"" },
        { "\"normalization\":{\"mean\":[0.5]", "\"normalization\":{\"mean\":[0.25]" },
        { "\"normalization\":{\"mean\":[0.5]", "\"normalization\":{\"mean\":null" },
        { "\"scoreColumn\":\"Score\"", "\"scoreColumn\":\"Other\"" },
        { "\"features\":{\"name\":\"Image\"", "\"features\":{\"name\":\" \"" },
        { "\"predictedLabelColumn\":\"PredictedLabel\"", "\"predictedLabelColumn\":\"\"" },
        { Version, WithCalibration("{\"inference\":\"Aggregated\",\"temperature\":0,\"errors\":{\"confidences\":[0.5],\"accepted\":[1],\"wrong\":[0]}}") },
        { Version, WithCalibration("{\"inference\":\"Aggregated\",\"temperature\":\"NaN\",\"errors\":{\"confidences\":[0.5],\"accepted\":[1],\"wrong\":[0]}}") },
        { Version, WithCalibration("{\"inference\":\"Other\",\"temperature\":1,\"errors\":{\"confidences\":[0.5],\"accepted\":[1],\"wrong\":[0]}}") },
        { Version, WithCalibration("{\"inference\":\"Aggregated\",\"temperature\":1,\"errors\":{\"confidences\":[0.5],\"accepted\":[1],\"wrong\":[2]}}") },
        { Version, WithCalibration("{\"inference\":\"Aggregated\",\"temperature\":1,\"errors\":{\"confidences\":[],\"accepted\":[],\"wrong\":[]}}") },
        { Version, WithCalibration("{\"inference\":\"Aggregated\",\"temperature\":1}") },
        { Version, WithCalibration("{\"inference\":\"Aggregated\",\"temperature\":2,\"errors\":{\"confidences\":[0.5],\"accepted\":[1],\"wrong\":[0]}}") },
    };

    [Fact]
    public void A_model_with_any_flipped_bit_is_refused_or_answers_as_it_did()
    {
        using var image = ModelFile.Image();
        using var whole = SlaPredictor.Load(_model);
        var expected = whole.Predict(image).Score;
        byte[] bytes = File.ReadAllBytes(_model);
        var random = new Random(4);
        int refused = 0;
        for (int flip = 0; flip < 300; flip++)
        {
            byte[] damaged = [.. bytes];
            damaged[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(_changed, damaged);
            try
            {
                using var predictor = SlaPredictor.Load(_changed);
                Assert.Equal(expected, predictor.Predict(image).Score);
                using var transformer = SlaTransformer.Load(_mlContext, _changed);
                Assert.Equal(Onnx(_model), Onnx(_changed));
            }
            catch (InvalidDataException exception)
            {
                Assert.Contains("changed.zip", exception.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        // The rest are bits of ML.NET's own entries, of dates and of other words that nobody reads.
        Assert.InRange(refused, 200, 300);
    }

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void A_description_that_its_weights_or_graph_contradict_is_refused(string part, string by)
    {
        ModelFile.ChangeDescription(_model, _changed, part, by);
        AssertRefused();
    }

    [Fact]
    public void A_graph_that_is_not_the_network_described_is_refused()
    {
        // A scale behind the network: the same description and weights, and other probabilities.
        ModelFile.Change(_model, _changed, model =>
        {
            var softmax = model.Graph.Node.First(node => node.OpType == "Softmax");
            var graph = new OnnxGraph(model, prefix: "more");
            string scaled = graph.Node("Mul", [softmax.Input[0], graph.Constant(3f)]);
            var scale = model.Graph.Node[^1];
            model.Graph.Node.RemoveAt(model.Graph.Node.Count - 1);
            model.Graph.Node.Insert(model.Graph.Node.IndexOf(softmax), scale);
            softmax.Input[0] = scaled;
        });
        Assert.Contains("its graph is not the network", AssertRefused(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_of_another_kind_or_domain_is_refused()
    {
        ModelFile.Change(_model, _changed, model => model.Graph.Node.First(node => node.OpType == "Conv").Domain = "com.microsoft");
        AssertRefused();
        ModelFile.Change(_model, Emptied(), model => model.OpsetImport.Add(new OperatorSetIdProto { Domain = "com.microsoft", Version = 1 }));
        AssertRefused();
    }

    [Fact]
    public void Weights_in_another_file_are_refused()
    {
        ModelFile.Change(_model, _changed, model => Weight(model).DataLocation = TensorProto.Types.DataLocation.External);
        Assert.Contains("in another file", AssertRefused(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Weights_that_are_no_numbers_are_refused_by_name(float value)
    {
        ModelFile.Change(_model, _changed, model => SetFirst(Weight(model), value));
        Assert.Contains($"'{SlaNetwork.BackboneName}.layer1.conv.weight' has values that are not numbers", AssertRefused(), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_of_another_shape_are_refused()
    {
        ModelFile.Change(_model, _changed, model => Weight(model).Dims[0] = long.MaxValue);
        AssertRefused();
        ModelFile.Change(_model, Emptied(), model => model.Graph.Initializer.Remove(Weight(model)));
        AssertRefused();
        ModelFile.Change(_model, Emptied(), model => model.Graph = null);
        Assert.Contains("has no graph", AssertRefused(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    [InlineData(0)]
    public void A_declared_length_that_is_not_there_is_refused(int length)
    {
        ModelFile.ChangeEntry(_model, _changed, bytes => [.. BitConverter.GetBytes(length), .. bytes[sizeof(int)..]]);
        AssertRefused();
    }

    [Fact]
    public void What_inflates_to_far_more_than_it_is_in_the_archive_is_refused()
    {
        using (var archive = ZipFile.Open(_changed, ZipArchiveMode.Create))
        {
            using var entry = archive.CreateEntry("a/OnnxModel").Open();
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 100; i++)
                entry.Write(zeros);
        }

        long before = GC.GetTotalAllocatedBytes();
        Assert.Contains("may hold", AssertRefused(), StringComparison.Ordinal);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 20 << 20);
    }

    [Fact]
    public void Two_models_in_one_file_are_refused()
    {
        using (var archive = ZipFile.OpenRead(_model))
        using (var twice = ZipFile.Open(_changed, ZipArchiveMode.Create))
        {
            foreach (string name in new[] { "a", "b" })
            {
                using var source = archive.Entries.Single(entry => entry.Name == "OnnxModel").Open();
                using var target = twice.CreateEntry($"{name}/OnnxModel").Open();
                source.CopyTo(target);
            }
        }

        Assert.Contains("more than one", AssertRefused(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_in_8_bits_has_the_graph_of_its_description()
    {
        string int8 = InFolder("int8.zip");
        ModelFile.Save(_mlContext, int8, int8: true);
        SlaPredictor.Load(int8).Dispose();

        ModelFile.Change(int8, _changed, model => model.Graph.Node.First(node => node.OpType == "Conv").Attribute.Single(a => a.Name == "pads").Ints[0] = 1000);
        Assert.Contains("its graph is not the network", AssertRefused(), StringComparison.Ordinal);
        ModelFile.Change(int8, Emptied(), model => SetFirst(model.Graph.Initializer.First(tensor => tensor.Name.StartsWith("int8.", StringComparison.Ordinal) && tensor.DataType == (int)OnnxType.Float), float.NaN));
        Assert.Contains("not numbers", AssertRefused(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "\"height\":16,\"width\":16", "\"height\":3300,\"width\":3300")]
    [InlineData(true, "\"height\":16,\"width\":16", "\"height\":3300,\"width\":3300")]
    [InlineData(false, "\"$type\":\"convNet\",\"width\":4", "\"$type\":\"convNet\",\"width\":4096")]
    [InlineData(true, "\"$type\":\"convNet\",\"width\":4", "\"$type\":\"convNet\",\"width\":4096")]
    public void A_description_of_more_than_the_file_has_takes_no_memory(bool isRounded, string part, string by)
    {
        string path = InFolder("again.zip");
        ModelFile.Save(_mlContext, path, isRounded);
        ModelFile.ChangeDescription(path, _changed, part, by);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<InvalidDataException>(() => SlaPredictor.Load(_changed));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);
    }

    [Fact]
    public void What_else_a_file_in_8_bits_says_is_not_run()
    {
        string int8 = InFolder("int8.zip");
        ModelFile.Save(_mlContext, int8, int8: true);
        ModelFile.Change(int8, _changed, model => (model.IrVersion, model.ProducerName) = (99, "another"));
        Assert.Equal(Onnx(int8), Onnx(_changed));
    }

    [Fact]
    public void Variances_below_0_are_refused()
    {
        ModelFile.Change(_model, _changed, model => SetFirst(model.Graph.Initializer.First(tensor => tensor.Name.EndsWith(".running_var", StringComparison.Ordinal)), -1));
        Assert.Contains("have values below 0", AssertRefused(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_a_short_name_is_named()
    {
        string message = Assert.Throws<InvalidDataException>(() => Sla.Data.ParsedFile.Read("e", "a model", () => throw new InvalidDataException("the rest is missing."))).Message;
        Assert.StartsWith("'e' is not a model, or it is damaged: the rest", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_with_any_flipped_bit_is_refused_or_says_the_same()
    {
        var options = Training.Options();
        (options.Epochs, options.CheckpointFolder, options.Architecture, options.WeightAveraging) = (1, InFolder("run"), Architecture.ConvNet(2), 0.9);
        _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, perClass: 4)).Dispose();

        var file = new CheckpointFile(InFolder("run"));
        string expected = Text(file);
        byte[] bytes = File.ReadAllBytes(file.Path);
        var random = new Random(5);
        int header = BitConverter.ToInt32(bytes);
        int refused = 0;
        for (int flip = 0; flip < 200; flip++)
        {
            byte[] damaged = [.. bytes];
            damaged[flip % 2 == 0 ? random.Next(8 + header) : random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(file.Path, damaged);
            try
            {
                Assert.Equal(expected, Text(file));
            }
            catch (InvalidDataException exception)
            {
                Assert.Contains(file.Path, exception.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, 150, 200);

        static string Text(CheckpointFile file)
        {
            var (head, state) = (file.ReadHeader(), file.ReadState());
            return System.Text.Json.JsonSerializer.Serialize(new
            {
                head.Identity.Entries,
                head.Step,
                head.EpochLoss,
                head.Epochs,
                head.IsFinished,
                Tensors = new[] { state.Network, state.Momenta, state.Average! }.Select(weights => weights.Select(t => (t.Name, t.Shape, t.Values)).Select(t => $"{t.Name} {string.Join(',', t.Shape)} {string.Join(',', t.Values)}")),
            });
        }
    }

    [Fact]
    public void Plans_and_records_of_searches_carry_checksums()
    {
        string sealedText = SealedJson.Seal("{\"trial\":1,\"name\":\"é\"}");
        Assert.True(SealedJson.IsIntact(sealedText));
        Assert.Equal(1, System.Text.Json.JsonDocument.Parse(sealedText).RootElement.GetProperty("trial").GetInt32());
        foreach (int place in Enumerable.Range(0, sealedText.Length))
        {
            char[] damaged = sealedText.ToCharArray();
            damaged[place] ^= (char)1;
            Assert.False(SealedJson.IsIntact(new string(damaged)));
        }

        Assert.False(SealedJson.IsIntact(""));
        Assert.False(SealedJson.IsIntact("{\"trial\":1}"));
        foreach (string name in new[] { "trials.jsonl", "search.json" })
        {
            string folder = Directory.CreateDirectory(InFolder(name)).FullName;
            File.WriteAllText(Path.Combine(folder, name), "{\"trial\":1}\n");
            string message = Assert.Throws<InvalidDataException>(() => new SearchFolder(folder).Dispose()).Message;
            Assert.Contains(Path.Combine(folder, name), message, StringComparison.Ordinal);

            // Nothing of a folder that is refused stays open: the next one is not told that a search is at work.
            Assert.Throws<InvalidDataException>(() => new SearchFolder(folder).Dispose());
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("{\"w\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}")]
    [InlineData("{\"w\":{\"dtype\":null,\"shape\":[1],\"data_offsets\":[0,4]}}")]
    [InlineData("{\"w\":{\"dtype\":\"F32\",\"shape\":null,\"data_offsets\":[0,4]}}")]
    [InlineData("{\"w\":null}")]
    [InlineData("{\"__metadata__\":null,\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}")]
    [InlineData("{\"__metadata__\":{\"a\":null},\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}")]
    [InlineData("{\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")]
    [InlineData("[]")]
    [InlineData("null")]
    public void A_safetensors_header_that_cannot_be_is_refused(string header)
    {
        string path = InFolder("weights.safetensors");
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), 0, 0, 128, 63]);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path).Dispose()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pretrained_weights_that_are_no_numbers_are_refused_by_name()
    {
        string path = InFolder("weights.safetensors");
        using (var stream = File.Create(path))
            SafetensorsFile.Write(stream, [("conv.weight", [2], [1, float.NaN])], new Dictionary<string, string>());
        string message = Assert.Throws<InvalidDataException>(() => PretrainedWeights.Read(path)).Message;
        Assert.Contains("'conv.weight'", message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
    }

    private static string WithCalibration(string calibration) => $"\"calibrations\":[{calibration}],{Version}";

    private static TensorProto Weight(ModelProto model) => model.Graph.Initializer.Single(tensor => tensor.Name == $"{SlaNetwork.BackboneName}.layer1.conv.weight");

    private static void SetFirst(TensorProto tensor, float value)
    {
        byte[] bytes = tensor.RawData.ToByteArray();
        BitConverter.TryWriteBytes(bytes, value);
        tensor.RawData = Google.Protobuf.ByteString.CopyFrom(bytes);
    }

    private string Emptied()
    {
        File.Delete(_changed);
        return _changed;
    }

    private static byte[] Onnx(string path) => SavedClassifier.Read(path).Onnx;

    /// <summary>Predictor and transformer refuse the changed file, with the same words.</summary>
    private string AssertRefused()
    {
        string message = Assert.Throws<InvalidDataException>(() => SlaPredictor.Load(_changed)).Message;
        Assert.Contains(_changed, message, StringComparison.Ordinal);
        Assert.Equal(message, Assert.Throws<InvalidDataException>(() => SlaTransformer.Load(_mlContext, _changed)).Message);
        return message;
    }
}
