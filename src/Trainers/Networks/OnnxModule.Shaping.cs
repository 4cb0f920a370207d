using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <content>Operators that move values, and the arithmetic of shapes, which are vectors of 64-bit integers on the CPU.</content>
internal sealed partial class OnnxModule
{
    private const int OnnxBool = 9;

    private static Operation? Shaping(NodeProto node) => node.OpType switch
    {
        "Identity" => operands => operands[0].alias(),
        "Flatten" => Flatten(node),
        "Reshape" => Reshape(node),
        "Transpose" => Transpose(node),
        "Unsqueeze" => Unsqueeze,
        "Squeeze" => Squeeze,
        "Concat" => Concat(node),
        "Slice" => Slice,
        "Gather" => Gather(node),
        "Pad" => Pad(node),
        "Expand" => Expand,
        "Shape" => Shape(node),
        "Constant" => Constant(node),
        "ConstantOfShape" => ConstantOfShape(node),
        "Cast" => Cast(node),
        "Equal" => operands => operands[0].eq(operands[1]),
        "Where" => operands => where(operands[0], operands.Typed(1), operands.Typed(2)),
        _ => null,
    };

    private static Operation Flatten(NodeProto node)
    {
        int axis = (int)node.Int("axis", 1);
        return operands =>
        {
            Tensor x = operands[0];
            return axis == 1 ? x.flatten(1) : x.reshape(x.shape[..(axis < 0 ? (int)x.dim() + axis : axis)].Aggregate(1L, (a, b) => a * b), -1);
        };
    }

    private static Operation Reshape(NodeProto node)
    {
        Allow(node, "allowzero");
        bool keepsZeros = node.Int("allowzero", 0) != 0;
        return operands =>
        {
            long[] sides = operands[0].shape;
            return operands[0].reshape([.. operands.Longs(1).Select((side, axis) => side == 0 && !keepsZeros ? sides[axis] : side)]);
        };
    }

    private static Operation Transpose(NodeProto node)
    {
        long[]? order = node.Ints("perm");
        return operands => operands[0].permute(order ?? [.. Enumerable.Range(0, (int)operands[0].dim()).Reverse()]);
    }

    private static Tensor Unsqueeze(Operands operands)
    {
        Tensor x = operands[0];
        long[] axes = operands.Longs(1);
        long rank = x.dim() + axes.Length;
        return axes.Select(axis => axis < 0 ? axis + rank : axis).Order().Aggregate(x.alias(), (made, axis) => made.unsqueeze(axis));
    }

    private static Tensor Squeeze(Operands operands)
    {
        Tensor x = operands[0];
        return operands.Has(1)
            ? operands.Longs(1).Select(axis => axis < 0 ? axis + x.dim() : axis).OrderDescending().Aggregate(x.alias(), (made, axis) => made.squeeze(axis))
            : x.squeeze();
    }

    private static Operation Concat(NodeProto node)
    {
        long axis = node.Int("axis", 0);
        return operands => cat([.. Enumerable.Range(0, operands.Count).Select(operands.Typed)], axis);
    }

    private static Operation Split(NodeProto node, int part)
    {
        Allow(node, "axis", "num_outputs");
        long axis = node.Int("axis", 0);
        int parts = node.Output.Count;
        return operands =>
        {
            long whole = operands[0].shape[axis < 0 ? axis + operands[0].dim() : axis];
            long largest = (whole + parts - 1) / parts;
            long[] sizes = operands.Has(1) ? operands.Longs(1) : [.. Enumerable.Range(0, parts).Select(i => Math.Min(largest, whole - (i * largest)))];
            return operands[0].narrow(axis, sizes[..part].Sum(), sizes[part]);
        };
    }

    private static Tensor Slice(Operands operands)
    {
        Tensor x = operands.Typed(0);
        long[] starts = operands.Longs(1), ends = operands.Longs(2);
        long[] axes = operands.Has(3) ? operands.Longs(3) : [.. Enumerable.Range(0, starts.Length)];
        long[] steps = operands.Has(4) ? operands.Longs(4) : [.. starts.Select(_ => 1L)];
        Tensor made = x.alias();
        for (int i = 0; i < axes.Length; i++)
            made = SliceOf(made, axes[i], starts[i], ends[i], steps[i]);
        return made;
    }

    /// <summary>A part of an axis. Torch knows no steps back: they are steps forward, turned round.</summary>
    private static Tensor SliceOf(Tensor x, long axis, long start, long end, long step)
    {
        long side = x.shape[axis < 0 ? axis + x.dim() : axis];
        if (step > 0)
            return x.slice(axis, start, Math.Min(end, side), step);
        long last = Math.Clamp(start < 0 ? start + side : start, -1, side - 1);
        long first = Math.Clamp(end < 0 ? Math.Max(end, -side - 1) + side : end, -1, side - 1) + 1;
        long count = last < first ? 0 : ((last - first) / -step) + 1;
        return x.slice(axis, last - ((count - 1) * -step), last + 1, -step).flip(axis);
    }

    private static Operation Gather(NodeProto node)
    {
        long axis = node.Int("axis", 0);
        return operands =>
        {
            Tensor x = operands.Typed(0);
            long at = axis < 0 ? axis + x.dim() : axis;
            long[] indices = [.. operands.Longs(1).Select(index => index < 0 ? index + x.shape[at] : index)];
            long[] shape = operands[1].shape;
            if (shape.Length == 0)
                return x.select(at, indices[0]);
            Tensor taken = x.index_select(at, tensor(indices, device: x.device));
            return shape.Length == 1 ? taken : taken.reshape([.. x.shape[..(int)at], .. shape, .. x.shape[((int)at + 1)..]]);
        };
    }

    private static Operation Pad(NodeProto node)
    {
        if ((node.Text("mode") ?? "constant") != "constant")
            throw new NotSupportedException($"with the mode '{node.Text("mode")}', which torch training has no form of");
        return operands =>
        {
            long[] pads = operands.Longs(1);
            int rank = pads.Length / 2;
            long[] lastAxisFirst = [.. Enumerable.Range(0, rank).Reverse().SelectMany(axis => new[] { pads[axis], pads[axis + rank] })];
            return nn.functional.pad(operands[0], lastAxisFirst, value: operands.Number(2) ?? 0);
        };
    }

    private static Tensor Expand(Operands operands)
    {
        Tensor x = operands.Typed(0);
        long[] sides = x.shape, wanted = operands.Longs(1);
        int rank = Math.Max(sides.Length, wanted.Length);
        return x.expand([.. Enumerable.Range(0, rank).Select(axis => Math.Max(At(sides, axis), At(wanted, axis)))]);

        long At(long[] shape, int axis) => axis < rank - shape.Length ? 1 : shape[axis - rank + shape.Length];
    }

    private static Operation Shape(NodeProto node)
    {
        int start = (int)node.Int("start", 0);
        int? end = node.Attribute.Any(attribute => attribute.Name == "end") ? (int)node.Int("end", 0) : null;
        return operands =>
        {
            long[] shape = operands[0].shape;
            return tensor(shape[At(start)..At(end ?? shape.Length)]);

            int At(int axis) => Math.Clamp(axis < 0 ? axis + shape.Length : axis, 0, shape.Length);
        };
    }

    private static Operation Constant(NodeProto node) => node.Attribute is [{ } value]
        ? value.Name switch
        {
            "value_int" => _ => tensor(value.I),
            "value_ints" => _ => tensor(value.Ints.ToArray()),
            "value_float" => _ => tensor(value.F),
            "value_floats" => operands => tensor(value.Floats.ToArray()).to(operands.Type),
            _ => throw new NotSupportedException($"with a '{value.Name}', which torch training has no form of"),
        }
        : throw new NotSupportedException("without a value");

    private static Operation ConstantOfShape(NodeProto node)
    {
        var value = node.Attribute.FirstOrDefault(attribute => attribute.Name == "value")?.T;
        if (value is null || value.IsFloat())
        {
            double number = value?.ReadFloats()[0] ?? 0;
            return operands => zeros(operands.Longs(0), operands.Type).Fill(number);
        }

        if (value.DataType is not ((int)OnnxType.Int32 or (int)OnnxType.Int64))
            throw new NotSupportedException($"of ONNX type {value.DataType}, which torch training has no form of");
        long integer = value.ReadLongs()[0];
        return operands => ones(operands.Longs(0), ScalarType.Int64).Times(integer);
    }

    /// <summary>Integers become those of 64 bits, and floats what the network computes in.</summary>
    private static Operation Cast(NodeProto node) => (int)node.Int("to", 0) switch
    {
        (int)OnnxType.Float => operands => operands[0].to(operands.Type),
        (int)OnnxType.Int32 or (int)OnnxType.Int64 => operands => operands[0].to(ScalarType.Int64),
        OnnxBool => operands => operands[0].to(ScalarType.Bool),
        var type => throw new NotSupportedException($"to ONNX type {type}, which torch training has no form of"),
    };
}
