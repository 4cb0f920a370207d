using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Fuzz.Mutations;

/// <summary>Changes the description, tensors and nodes of an ONNX model, so that it stays one; now and then its bytes.</summary>
internal static class OnnxMutation
{
    private static readonly string[] Names = ["", "x", "Score", "Sla.Pixels", "backbone.layer1.conv.weight", "../weights", "/etc/hostname"];

    private static readonly float[] Extremes = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue];

    private static readonly string[] Operations =
        ["Conv", "Add", "Reshape", "Tile", "Expand", "ConstantOfShape", "Pad", "Resize", "Gather", "MatMul", "Identity", "Softmax", "Loop", "NoSuchOperation"];

    public static byte[] Mutate(byte[] onnx, IReadOnlyList<byte[]> others, Random random)
    {
        if (random.Next(4) == 0)
            return RawMutation.Mutate(onnx, others, random);
        var model = ModelProto.Parser.ParseFrom(onnx);
        int changes = random.Next(2) == 0 ? 1 : random.Next(2, 4);
        for (int change = 0; change < changes; change++)
            Change(model, random);
        return model.ToByteArray();
    }

    private static void Change(ModelProto model, Random random)
    {
        switch (random.Next(16))
        {
            case < 6:
                Any(model.MetadataProps, random, entry => entry.Value = JsonMutation.Mutate(entry.Value, random));
                break;
            case 6:
                Any(model.MetadataProps, random, entry => entry.Key = random.Next(2) == 0 ? entry.Key + ".Embedding" : Names[random.Next(Names.Length)]);
                break;
            case < 12:
                Any(model.Graph?.Initializer, random, tensor => Change(tensor, random));
                break;
            case 12:
                AddOrRemove(model.Graph?.Initializer, random);
                break;
            case 13:
                Any(model.Graph?.Node, random, node => Change(node, random));
                break;
            case 14:
                Any(random.Next(2) == 0 ? model.Graph?.Input : model.Graph?.Output, random, value => Change(value, random));
                break;
            default:
                ChangeWhole(model, random);
                break;
        }
    }

    private static void Change(TensorProto tensor, Random random)
    {
        switch (random.Next(9))
        {
            case 0 or 1:
                ChangeSize(tensor.Dims, random);
                break;
            case 2:
                tensor.RawData = ByteString.CopyFrom(RawMutation.Mutate(tensor.RawData.ToByteArray(), [tensor.RawData.ToByteArray()], random));
                break;
            case 3:
                tensor.RawData = ByteString.CopyFrom(NoNumbers(tensor.RawData.ToByteArray(), random));
                break;
            case 4:
                tensor.DataType = random.Next(3) == 0 ? (int)RawMutation.Size(random) : random.Next(20);
                break;
            case 5:
                tensor.Name = random.Next(2) == 0 ? tensor.Name + "x" : Names[random.Next(Names.Length)];
                break;
            case 6:
                tensor.FloatData.AddRange(MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray());
                break;
            case 7:
                tensor.RawData = ByteString.Empty;
                break;
            default:
                tensor.DataLocation = TensorProto.Types.DataLocation.External;
                break;
        }
    }

    private static void Change(NodeProto node, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                node.OpType = Operations[random.Next(Operations.Length)];
                break;
            case 1 when node.Input.Count > 0:
                node.Input[random.Next(node.Input.Count)] = Names[random.Next(Names.Length)];
                break;
            case 2:
                AddOrRemove(node.Input, random);
                break;
            case 3:
                node.Output.Add(Names[random.Next(Names.Length)]);
                break;
            default:
                Any(node.Attribute, random, attribute =>
                {
                    attribute.I = RawMutation.Size(random);
                    ChangeSize(attribute.Ints, random);
                });
                break;
        }
    }

    private static void Change(ValueInfoProto value, Random random)
    {
        if (random.Next(3) == 0)
            value.Name = Names[random.Next(Names.Length)];
        else if (value.Type?.TensorType?.Shape is { Dim.Count: > 0 } shape)
            shape.Dim[random.Next(shape.Dim.Count)].DimValue = RawMutation.Size(random);
    }

    private static void ChangeWhole(ModelProto model, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                model.Graph = null;
                break;
            case 1:
                model.IrVersion = RawMutation.Size(random);
                break;
            case 2:
                Any(model.OpsetImport, random, import => import.Version = RawMutation.Size(random));
                break;
            default:
                AddOrRemove(model.MetadataProps, random);
                break;
        }
    }

    private static void ChangeSize(RepeatedField<long> sizes, Random random)
    {
        if (sizes.Count == 0 || random.Next(4) == 0)
            AddOrRemove(sizes, random);
        else
            sizes[random.Next(sizes.Count)] = RawMutation.Size(random);
    }

    private static void AddOrRemove<T>(RepeatedField<T>? items, Random random)
    {
        if (items is null || items.Count == 0)
            return;
        int index = random.Next(items.Count);
        if (random.Next(2) == 0)
            items.RemoveAt(index);
        else
            items.Insert(index, items[index]);
    }

    private static void Any<T>(RepeatedField<T>? items, Random random, Action<T> change)
    {
        if (items is { Count: > 0 })
            change(items[random.Next(items.Count)]);
    }

    private static byte[] NoNumbers(byte[] bytes, Random random)
    {
        var floats = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
        if (floats.Length > 0)
            floats[random.Next(floats.Length)] = Extremes[random.Next(Extremes.Length)];
        return bytes;
    }
}
