using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <content>Operators on each value by itself, and means.</content>
internal sealed partial class OnnxModule
{
    private const float Sixth = 1f / 6;

    private static Operation? Arithmetic(NodeProto node) => node.OpType switch
    {
        "Relu" => operands => operands.CanOverwrite(0) ? operands[0].relu_() : operands[0].relu(),
        "LeakyRelu" => LeakyRelu(node),
        "Clip" => operands => operands[0].Between(NumberOf(operands, 1) ?? double.NegativeInfinity, NumberOf(operands, 2) ?? double.PositiveInfinity),
        "Sigmoid" => operands => operands[0].sigmoid(),
        "HardSigmoid" => HardSigmoid(node),
        "HardSwish" => operands => nn.functional.hardswish(operands[0]),
        "Tanh" => operands => operands[0].tanh(),
        "Erf" => operands => operands[0].erf(),
        "Exp" => operands => operands[0].exp(),
        "Sqrt" => operands => operands[0].sqrt(),
        "Pow" => operands => operands.Number(1) is { } exponent ? operands[0].ToPower(exponent) : operands.Typed(0).pow(operands.Typed(1)),
        "Add" => Sum,
        "Sub" => operands => operands.Typed(0).sub(operands.Typed(1)),
        "Mul" => operands => operands.Typed(0).mul(operands.Typed(1)),
        "Div" => Quotient,
        "ReduceMean" => Mean(node),
        "Softmax" => Softmax(node),
        OnnxFusion.Gelu => Gelu,
        OnnxFusion.Silu => operands => nn.functional.silu(operands[0]),
        _ => null,
    };

    private static Operation LeakyRelu(NodeProto node)
    {
        Allow(node, "alpha");
        double slope = node.Float("alpha", 0.01f);
        return operands => (operands.CanOverwrite(0) ? operands[0] : operands[0].clone()).LeakyRelu(slope);
    }

    /// <exception cref="NotSupportedException">The operand is computed, or has several values.</exception>
    private static double? NumberOf(Operands operands, int index) => !operands.Has(index)
        ? null
        : operands.Number(index) ?? throw new NotSupportedException("A number is computed, or there are several.");

    private static Operation HardSigmoid(NodeProto node)
    {
        Allow(node, "alpha", "beta");
        float alpha = node.Float("alpha", 0.2f), beta = node.Float("beta", 0.5f);
        return Math.Abs(alpha - Sixth) < 1e-6f && beta == 0.5f
            ? operands => nn.functional.hardsigmoid(operands[0])
            : operands => operands[0].Times((double)alpha).Plus(beta).Between(0, 1);
    }

    /// <summary>In place where one side is free and has the shape of the sum.</summary>
    private static Tensor Sum(Operands operands)
    {
        Tensor left = operands.Typed(0), right = operands.Typed(1);
        if (operands.CanOverwrite(0) && IsSpreadOver(right, left))
            return left.Add(right);
        return operands.CanOverwrite(1) && IsSpreadOver(left, right) ? right.Add(left) : left.Plus(right);
    }

    /// <summary>Whether a tensor can be added to another in place.</summary>
    private static bool IsSpreadOver(Tensor part, Tensor whole)
    {
        long[] small = part.shape, large = whole.shape;
        return part.dtype == whole.dtype && small.Length <= large.Length
            && small.Zip(large[(large.Length - small.Length)..]).All(sides => sides.First == 1 || sides.First == sides.Second);
    }

    /// <summary>Of integers, the whole part.</summary>
    private static Tensor Quotient(Operands operands)
    {
        Tensor left = operands.Typed(0), right = operands.Typed(1);
        return left.is_integral() && right.is_integral() ? left.div(right, RoundingMode.trunc) : left.div(right);
    }

    private static Operation Mean(NodeProto node)
    {
        Allow(node, "axes", "keepdims");
        bool keepsAxes = node.Int("keepdims", 1) != 0;
        long[]? axes = node.Ints("axes");
        return operands => operands[0].mean(axes ?? [.. Enumerable.Range(0, (int)operands[0].dim())], keepsAxes);
    }

    private static Operation Softmax(NodeProto node)
    {
        Allow(node, "axis");
        long axis = node.Int("axis", -1);
        return operands => operands[0].softmax(axis);
    }

    private static Tensor Gelu(Operands operands)
    {
        Tensor x = operands[0];
        double root = NumberOf(operands, 1)!.Value, one = NumberOf(operands, 2)!.Value, half = NumberOf(operands, 3)!.Value;
        return Math.Abs(root - Math.Sqrt(2)) < 1e-6 && one == 1 && half == 0.5
            ? nn.functional.gelu(x)
            : x.Over(root).erf().Plus(one).mul(x).Times(half);
    }
}
