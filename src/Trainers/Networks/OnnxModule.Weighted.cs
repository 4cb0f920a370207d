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
        return operands =>
        {
            Tensor x = operands[0].to(ScalarType.Float32);
            long[] shape = axis < 0 ? x.shape[^-axis..] : x.shape[axis..];
            return nn.functional.layer_norm(x, shape, operands[1], operands.Has(2) ? operands[2] : null, epsilon).to(operands.Type);
        };
    }
}
