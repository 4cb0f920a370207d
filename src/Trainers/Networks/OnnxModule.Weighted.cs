using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <content>Linear layers and normalisations.</content>
internal sealed partial class OnnxModule
{
    private static Operation? Weighted(NodeProto node) => node.OpType switch
    {
        "Gemm" => Linear(node),
        "MatMul" => operands => operands.Typed(0).matmul(operands.Typed(1)),
        "BatchNormalization" => BatchNormalization(node),
        "LayerNormalization" => LayerNormalization(node),
        OnnxFusion.LayerNorm => FusedLayerNorm,
        _ => null,
    };

    /// <summary>alpha * A * B + beta * C.</summary>
    private static Operation Linear(NodeProto node)
    {
        Allow(node, "alpha", "beta", "transA", "transB");
        double alpha = node.Float("alpha", 1), beta = node.Float("beta", 1);
        bool transposesLeft = node.Int("transA", 0) != 0, transposesRight = node.Int("transB", 0) != 0;
        return operands =>
        {
            Tensor left = transposesLeft ? operands.Typed(0).t() : operands.Typed(0);
            Tensor right = transposesRight ? operands.Typed(1) : operands.Typed(1).t();
            Tensor? bias = operands.TypedOrNull(2);
            if (alpha == 1 && beta == 1 && bias is null or { shape.Length: 1 })
                return nn.functional.linear(left, right, bias);
            Tensor product = nn.functional.linear(left, right).Times(alpha);
            return bias is null ? product : product.PlusMultiple(bias, beta);
        };
    }

    private static Operation BatchNormalization(NodeProto node)
    {
        Allow(node, "epsilon", "momentum", "training_mode");
        if (node.Int("training_mode", 0) != 0)
            throw new NotSupportedException("which was exported to train");
        double epsilon = node.Float("epsilon", 1e-5f);
        return operands => nn.functional.batch_norm(
            operands[0], operands[3], operands[4], operands[1], operands[2], operands.IsTraining, Layer.BatchNorm.Momentum, epsilon);
    }

    /// <summary>Computed in 32 bits, as its mean and variance need.</summary>
    private static Operation LayerNormalization(NodeProto node)
    {
        Allow(node, "axis", "epsilon", "stash_type");
        int axis = (int)node.Int("axis", -1);
        double epsilon = node.Float("epsilon", 1e-5f);
        return operands => Normalized(operands, axis < 0 ? operands[0].shape[^-axis..] : operands[0].shape[axis..], weight: 1, epsilon);
    }

    private static Tensor FusedLayerNorm(Operands operands) => operands.Number(2) == 2 && operands.Number(1) is { } epsilon
        ? Normalized(operands, operands[0].shape[^1..], weight: 3, epsilon)
        : throw new NotSupportedException("A layer normalisation divides by something else than a deviation.");

    /// <param name="operands">The operands.</param>
    /// <param name="shape">Sizes of the axes that are normalised together.</param>
    /// <param name="weight">Number of the operand that is the weight; the bias follows.</param>
    /// <param name="epsilon">What is added to the variance.</param>
    private static Tensor Normalized(Operands operands, long[] shape, int weight, double epsilon)
    {
        Tensor x = operands[0].to(ScalarType.Float32);
        Tensor normalized = nn.functional.layer_norm(
            x, shape, operands.Has(weight) ? operands[weight] : null, operands.Has(weight + 1) ? operands[weight + 1] : null, epsilon);
        return normalized.to(operands.Type);
    }
}
