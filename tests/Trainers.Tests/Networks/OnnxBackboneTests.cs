using Google.Protobuf;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Networks out of ONNX files, against PyTorch's embeddings.</summary>
public sealed class OnnxBackboneTests : IDisposable
{
    private static readonly ImageShape Colour = new(3, BackboneFile.Side, BackboneFile.Side);

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-onnx-").FullName;

    public static TheoryData<string> Names => [.. VectorFile.Read("backbones.json").GetProperty("embeddings").EnumerateObject().Select(network => network.Name)];

    private string FilePath => Path.Combine(_folder, "changed.onnx");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void Embeddings_of_two_images_are_PyTorchs(string name)
    {
        var architecture = Read(BackboneFile.PathOf(name));
        Assert.Equal($"backbone-{name}", architecture.Name);
        AssertEmbeddings(name, BackboneFile.Embed(architecture, Colour, BackboneFile.Images()));
    }

    [Fact]
    public void A_reshape_to_a_batch_of_one_takes_any()
    {
        BackboneFile.Change("resnet", FilePath, model =>
        {
            var flatten = model.Graph.Node.Single(node => node.OpType == "Flatten");
            model.Graph.Initializer.Add(OnnxTensor.Longs("sides", 1, 12));
            (flatten.OpType, flatten.Name) = ("Reshape", "reshape");
            flatten.Attribute.Clear();
            flatten.Input.Add("sides");
            SetInput(model, 1, 3, BackboneFile.Side, BackboneFile.Side);
        });
        AssertEmbeddings("resnet", BackboneFile.Embed(Read(FilePath), Colour, BackboneFile.Images()));
    }

    [Fact]
    public void The_embedding_is_the_value_that_EmbeddingName_names()
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(BackboneFile.PathOf("resnet")));
        string scores = model.Graph.Output[0].Name, pooled = model.Graph.Node.Single(node => node.OpType == "Flatten").Input[0];
        Assert.Equal(3, Read(BackboneFile.PathOf("resnet"), options => options.EmbeddingName = scores).EmbeddingSize);
        var architecture = Read(BackboneFile.PathOf("resnet"), options => options.EmbeddingName = pooled);
        AssertEmbeddings("resnet", BackboneFile.Embed(architecture, Colour, BackboneFile.Images()));
        Assert.Contains("'no-such-value'", Error(BackboneFile.PathOf("resnet"), options => options.EmbeddingName = "no-such-value"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_of_several_outputs_needs_EmbeddingName()
    {
        string second = "";
        BackboneFile.Change("resnet", FilePath, model =>
        {
            second = model.Graph.Node.Single(node => node.OpType == "Flatten").Output[0];
            model.Graph.Output.Add(new ValueInfoProto { Name = second });
        });
        Assert.Contains("EmbeddingName", Error(FilePath), StringComparison.Ordinal);
        AssertEmbeddings("resnet", BackboneFile.Embed(Read(FilePath, options => options.EmbeddingName = second), Colour, BackboneFile.Images()));
    }

    [Fact]
    public void A_map_is_averaged_over_its_positions_where_the_options_say_so()
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(BackboneFile.PathOf("resnet")));
        string map = model.Graph.Node.Single(node => node.OpType is "GlobalAveragePool" or "AveragePool").Input[0];
        Assert.Contains("IsMeanOfPositions", Error(BackboneFile.PathOf("resnet"), options => options.EmbeddingName = map), StringComparison.Ordinal);
        var architecture = Read(BackboneFile.PathOf("resnet"), options => (options.EmbeddingName, options.IsMeanOfPositions) = (map, true));
        AssertEmbeddings("resnet", BackboneFile.Embed(architecture, Colour, BackboneFile.Images()));
    }

    [Fact]
    public void Tokens_are_averaged_where_the_options_say_so()
    {
        // Positions as tokens: B x D x H x W to B x HW x D, whose mean is that of the positions.
        BackboneFile.Change("resnet", FilePath, model =>
        {
            string map = model.Graph.Node.Single(node => node.OpType is "GlobalAveragePool" or "AveragePool").Input[0];
            model.Graph.Initializer.Add(OnnxTensor.Longs("token.sides", 0, 12, -1));
            model.Graph.Node.Add(BackboneFile.Node("Reshape", [map, "token.sides"], "columns"));
            model.Graph.Node.Add(BackboneFile.Node("Transpose", ["columns"], "tokens", BackboneFile.Ints("perm", 0, 2, 1)));
        });
        var architecture = Read(FilePath, options => (options.EmbeddingName, options.IsMeanOfPositions) = ("tokens", true));
        AssertEmbeddings("resnet", BackboneFile.Embed(architecture, Colour, BackboneFile.Images()));
    }

    [Fact]
    public void Channels_may_be_last()
    {
        BackboneFile.Change("resnet", FilePath, model =>
        {
            string input = model.Graph.Input[0].Name;
            Replace(model, input, "channels.first");
            model.Graph.Node.Insert(0, BackboneFile.Node("Transpose", [input], "channels.first", BackboneFile.Ints("perm", 0, 3, 1, 2)));
            SetInput(model, 0, BackboneFile.Side, BackboneFile.Side, 3);
        });
        AssertEmbeddings("resnet", BackboneFile.Embed(Read(FilePath), Colour, BackboneFile.Images()));
    }

    [Fact]
    public void Blue_may_be_first()
    {
        BackboneFile.Change("resnet", FilePath, model =>
        {
            string input = model.Graph.Input[0].Name;
            Replace(model, input, "red.first");
            model.Graph.Initializer.Add(OnnxTensor.Longs("reversed", 2, 1, 0));
            model.Graph.Node.Insert(0, BackboneFile.Node("Gather", [input, "reversed"], "red.first", BackboneFile.Int("axis", 1)));
        });
        AssertEmbeddings("resnet", BackboneFile.Embed(Read(FilePath, options => options.IsBlueFirst = true), Colour, BackboneFile.Images()));
    }

    [Theory]
    [InlineData(48, 48)]
    [InlineData(40, 56)]
    [InlineData(7, 90)]
    public void Images_of_other_sides_go_into_a_network_that_pools_over_all_positions(int height, int width)
    {
        var architecture = Read(BackboneFile.PathOf("resnet"));
        var shape = new ImageShape(3, height, width);
        Assert.Null(architecture.Objection(shape));
        float[] image = [.. Enumerable.Range(0, shape.Length).Select(i => (float)VectorFile.Number(9, i))];
        Assert.Equal(architecture.EmbeddingSize, Assert.Single(BackboneFile.Embed(architecture, shape, image)).Length);
    }

    [Fact]
    public void A_transformer_takes_images_of_its_own_sides_only()
    {
        var architecture = Read(BackboneFile.PathOf("vit"));
        Assert.Null(architecture.Objection(Colour));
        Assert.Contains("ImageWidth and ImageHeight to 32", architecture.Objection(new ImageShape(3, 48, 48)), StringComparison.Ordinal);
        Assert.Contains("2", architecture.Objection(new ImageShape(2, 32, 32)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_last_pool_over_a_window_of_all_positions_takes_other_sides()
    {
        BackboneFile.Change("resnet", FilePath, model => WindowOf(model, 4));
        var architecture = Read(FilePath);
        AssertEmbeddings("resnet", BackboneFile.Embed(architecture, Colour, BackboneFile.Images()));
        Assert.Null(architecture.Objection(new ImageShape(3, 64, 64)));
    }

    [Fact]
    public void A_last_pool_over_smaller_windows_stays_what_it_is()
    {
        BackboneFile.Change("resnet", FilePath, model =>
        {
            WindowOf(model, 2);
            var linear = model.Graph.Node.Single(node => node.OpType == "Gemm");
            model.Graph.Output[0].Name = linear.Input[0];
            model.Graph.Output[0].Type = null;
            model.Graph.Node.Remove(linear);
        });
        var architecture = Read(FilePath);
        Assert.Equal(4 * 12, architecture.EmbeddingSize);
        float[] means = [.. BackboneFile.Embed(architecture, Colour, BackboneFile.Images())[0].Chunk(4).Select(windows => windows.Average())];
        AssertEmbeddings("resnet", [means]);
    }

    [Fact]
    public void A_grey_image_is_a_colour_image_of_equal_channels()
    {
        var architecture = Read(BackboneFile.PathOf("resnet"));
        float[] grey = BackboneFile.Images()[..(BackboneFile.Side * BackboneFile.Side)];
        float[] ofGrey = BackboneFile.Embed(architecture, Colour with { Channels = 1 }, grey)[0];
        Assert.Equal(BackboneFile.Embed(architecture, Colour, [.. grey, .. grey, .. grey])[0], ofGrey);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(13)]
    [InlineData(17)]
    [InlineData(18)]
    public void Files_of_other_opsets_make_the_same_embeddings(int opset)
    {
        foreach (string name in new[] { "resnet", "resnet-folded" })
        {
            BackboneFile.Change(name, FilePath, model =>
            {
                model.OpsetImport[0].Version = opset;
                model.IrVersion = 7;
                foreach (var pool in model.Graph.Node.Where(node => node.OpType == "MaxPool" && opset < 10))
                    pool.Attribute.Remove(pool.Attribute.Single(attribute => attribute.Name == "ceil_mode"));
            });
            AssertEmbeddings(name, BackboneFile.Embed(Read(FilePath), Colour, BackboneFile.Images()));
        }
    }

    [Fact]
    public void Axes_of_opset_18_and_bounds_of_opset_8_are_brought_to_17()
    {
        float[][] expected = BackboneFile.Embed(Read(BackboneFile.PathOf("mobilenet-v2"), options => options.EmbeddingName = Mean(13)), Colour, BackboneFile.Images());
        Mean(18);
        Assert.True(Training.LargestDifference(expected, BackboneFile.Embed(Read(FilePath), Colour, BackboneFile.Images())) < 1e-5);
        Mean(8);
        Assert.True(Training.LargestDifference(expected, BackboneFile.Embed(Read(FilePath), Colour, BackboneFile.Images())) < 1e-5);

        // The mean over the positions of the map that the network pools, and a Clip, as the opset writes them.
        string Mean(int opset)
        {
            string pooled = "";
            BackboneFile.Change("mobilenet-v2", FilePath, model =>
            {
                model.OpsetImport[0].Version = opset;
                var pool = model.Graph.Node.Last(node => node.OpType is "GlobalAveragePool" or "ReduceMean");
                pooled = pool.Output[0];
                pool.OpType = "ReduceMean";
                pool.Attribute.Clear();
                if (opset >= 18)
                {
                    model.Graph.Initializer.Add(OnnxTensor.Longs("axes.of.mean", 2, 3));
                    pool.Input.Add("axes.of.mean");
                }
                else
                {
                    pool.Attribute.Add(BackboneFile.Ints("axes", 2, 3));
                }

                foreach (var clip in model.Graph.Node.Where(node => node.OpType == "Clip" && opset < 11))
                {
                    while (clip.Input.Count > 1)
                        clip.Input.RemoveAt(1);
                    clip.Attribute.Add(new AttributeProto { Name = "min", Type = AttributeProto.Types.AttributeType.Float, F = 0 });
                    clip.Attribute.Add(new AttributeProto { Name = "max", Type = AttributeProto.Types.AttributeType.Float, F = 6 });
                }
            });
            return pooled;
        }
    }

    [Fact]
    public void Weights_whose_names_differ_by_signs_only_keep_apart()
    {
        BackboneFile.Change("resnet-folded", FilePath, model =>
        {
            int number = 0;
            foreach (var tensor in model.Graph.Initializer.Where(tensor => tensor.IsFloat()))
            {
                string name = $"w{new string('.', number)}{new string('/', 100 - number++)}";
                Replace(model, tensor.Name, name);
                tensor.Name = name;
            }

            Replace(model, model.Graph.Initializer[0].Name, OnnxNetwork.ScaleName);
            model.Graph.Initializer[0].Name = OnnxNetwork.ScaleName;
        });
        AssertEmbeddings("resnet-folded", BackboneFile.Embed(Read(FilePath), Colour, BackboneFile.Images()));
    }

    [Fact]
    public void The_same_file_has_the_same_identity_and_other_weights_have_another()
    {
        string identity = Read(BackboneFile.PathOf("resnet")).Identity;
        Assert.Equal(identity, Read(BackboneFile.PathOf("resnet")).Identity);
        BackboneFile.Change("resnet", Path.Combine(_folder, "backbone-resnet.onnx"), model =>
        {
            var tensor = model.Graph.Initializer.First(tensor => tensor.IsFloat() && tensor.RawData.Length > 0);
            byte[] values = tensor.RawData.ToByteArray();
            values[2] ^= 0x40;
            tensor.RawData = ByteString.CopyFrom(values);
        });
        Assert.NotEqual(identity, Read(Path.Combine(_folder, "backbone-resnet.onnx")).Identity);
    }

    [Fact]
    public void Options_that_cannot_be_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(BackboneFile.PathOf("resnet"), options => options.ImageSize = 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(BackboneFile.PathOf("resnet"), options => options.ImageSize = 1025));
        Assert.Throws<ArgumentException>(() => Read(BackboneFile.PathOf("resnet"), options => options.EmbeddingName = " "));
        Assert.Throws<ArgumentNullException>(() => Read(BackboneFile.PathOf("resnet"), options => options.Normalization = null!));
        Assert.Throws<ArgumentException>(() => Architecture.FromOnnx(" "));
        Assert.Contains("no-such.onnx", Assert.Throws<FileNotFoundException>(() => Architecture.FromOnnx("no-such.onnx")).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "external", "another file" },
        { "external attribute", "another file" },
        { "float16", "float32" },
        { "double constant", "float32" },
        { "domain", "com.microsoft" },
        { "if", "If" },
        { "two inputs", "'mask'" },
        { "no shape", "four dimensions" },
        { "four channels", "4 channels" },
        { "oblong", "square" },
        { "huge", "square" },
        { "fixed batch", "free batch" },
        { "circle", "ONNX Runtime" },
        { "too many nodes", "nodes" },
        { "no nodes", "no nodes" },
        { "old", "opset" },
        { "new", "opset" },
        { "no opset", "opset" },
        { "wrong size", "its shape is" },
        { "bytes as image", "four dimensions" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_network_that_cannot_be_used_is_refused_with_file_and_reason(string fault, string reason)
    {
        BackboneFile.Change("resnet", FilePath, model => Spoil(model, fault));
        Assert.Contains(reason, Error(FilePath), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text")]
    [InlineData("empty")]
    [InlineData("truncated")]
    [InlineData("zeros")]
    public void A_file_that_is_no_network_is_refused_by_name(string kind)
    {
        byte[] whole = File.ReadAllBytes(BackboneFile.PathOf("resnet"));
        File.WriteAllBytes(FilePath, kind switch
        {
            "text" => "No network, only text."u8.ToArray(),
            "empty" => [],
            "truncated" => whole[..(whole.Length / 2)],
            _ => new byte[1000],
        });
        Error(FilePath);
    }

    private static void Spoil(ModelProto model, string fault)
    {
        var graph = model.Graph;
        var weight = graph.Initializer.First(tensor => tensor.IsFloat());
        string input = graph.Input[0].Name;
        switch (fault)
        {
            case "external":
                weight.DataLocation = TensorProto.Types.DataLocation.External;
                break;
            case "external attribute":
                graph.Node.Insert(0, BackboneFile.Node("ConstantOfShape", ["sides"], "filled", new AttributeProto
                {
                    Name = "value",
                    Type = AttributeProto.Types.AttributeType.Tensor,
                    T = new TensorProto { DataType = 7, Dims = { 1 }, DataLocation = TensorProto.Types.DataLocation.External },
                }));
                break;
            case "float16":
                weight.DataType = 10;
                break;
            case "double constant":
                graph.Node.Insert(0, BackboneFile.Node("Constant", [], "constant", new AttributeProto
                {
                    Name = "value",
                    Type = AttributeProto.Types.AttributeType.Tensor,
                    T = new TensorProto { DataType = 11, Dims = { 1 }, DoubleData = { 1 } },
                }));
                break;
            case "domain":
                graph.Node[0].Domain = "com.microsoft";
                break;
            case "if":
                graph.Node[0].OpType = "If";
                graph.Node[0].Attribute.Add(new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = new GraphProto() });
                break;
            case "two inputs":
                graph.Input.Add(graph.Input[0].Clone());
                graph.Input[^1].Name = "mask";
                break;
            case "no shape":
                graph.Input[0].Type.TensorType.Shape = null;
                break;
            case "four channels":
                SetInput(model, 0, 4, 32, 32);
                break;
            case "oblong":
                SetInput(model, 0, 3, 32, 40);
                break;
            case "huge":
                SetInput(model, 0, 3, 1 << 20, 1 << 20);
                break;
            case "fixed batch":
                Replace(model, input, "of.one");
                graph.Initializer.Add(OnnxTensor.Floats("one.image", new float[3 * 32 * 32], 1, 3, 32, 32));
                graph.Initializer.Add(OnnxTensor.Longs("one.by.one", 1, 3, 32, 32));
                graph.Node.Insert(0, BackboneFile.Node("Expand", [input, "one.by.one"], "expanded"));
                graph.Node.Insert(1, BackboneFile.Node("Concat", ["expanded", "one.image"], "of.two", BackboneFile.Int("axis", 0)));
                graph.Initializer.Add(OnnxTensor.Longs("first", 0));
                graph.Node.Insert(2, BackboneFile.Node("Gather", ["of.two", "first"], "of.one", BackboneFile.Int("axis", 0)));
                break;
            case "circle":
                graph.Node.Clear();
                graph.Node.Add(BackboneFile.Node("Identity", ["b"], "a"));
                graph.Node.Add(BackboneFile.Node("Identity", ["a"], "b"));
                graph.Output[0].Name = "b";
                break;
            case "too many nodes":
                graph.Node.AddRange(Enumerable.Range(0, 100_001).Select(_ => new NodeProto { OpType = "Relu" }));
                break;
            case "no nodes":
                graph.Node.Clear();
                break;
            case "old":
                model.OpsetImport[0].Version = 6;
                break;
            case "new":
                model.OpsetImport[0].Version = 23;
                break;
            case "no opset":
                model.OpsetImport.Clear();
                break;
            case "wrong size":
                weight.Dims[0]++;
                break;
            case "bytes as image":
                graph.Input[0].Type.TensorType.ElemType = 2;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault, null);
        }
    }

    private static Architecture Read(string path, Action<OnnxBackboneOptions>? set = null)
    {
        var options = BackboneFile.Raw;
        set?.Invoke(options);
        return Architecture.FromOnnx(path, options);
    }

    /// <summary>The message of a refusal, which names the file.</summary>
    private static string Error(string path, Action<OnnxBackboneOptions>? set = null)
    {
        string message = Assert.Throws<InvalidDataException>(() => Read(path, set)).Message;
        Assert.Contains($"'{path}'", message, StringComparison.Ordinal);
        return message;
    }

    private static void AssertEmbeddings(string name, float[][] embeddings)
    {
        var expected = VectorFile.Read("backbones.json").GetProperty("embeddings").GetProperty(name);
        foreach (var (wanted, values) in expected.EnumerateArray().Zip(embeddings))
        {
            Assert.Equal(wanted.GetArrayLength(), values.Length);
            foreach (var (want, have) in VectorFile.Flatten(wanted).Zip(values))
                Assert.Equal(want, have, 1e-4);
        }
    }

    /// <summary>Makes the last pool one over windows of a side.</summary>
    private static void WindowOf(ModelProto model, int side)
    {
        var pool = model.Graph.Node.Single(node => node.OpType is "GlobalAveragePool");
        pool.OpType = "AveragePool";
        pool.Attribute.Add(BackboneFile.Ints("kernel_shape", side, side));
        pool.Attribute.Add(BackboneFile.Ints("strides", side, side));
    }

    private static void SetInput(ModelProto model, params long[] sides)
    {
        var shape = model.Graph.Input[0].Type.TensorType.Shape;
        shape.Dim.Clear();
        shape.Dim.AddRange(sides.Select(side => side == 0
            ? new TensorShapeProto.Types.Dimension { DimParam = "any" }
            : new TensorShapeProto.Types.Dimension { DimValue = side }));
    }

    private static void Replace(ModelProto model, string value, string by)
    {
        foreach (var node in model.Graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                if (node.Input[i] == value)
                    node.Input[i] = by;
            }
        }
    }
}
