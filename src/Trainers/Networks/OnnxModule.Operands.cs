using Microsoft.ML.Sla.Onnx.Protobuf;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

internal sealed partial class OnnxModule
{
    /// <summary>What an operation computes with.</summary>
    /// <param name="module">The module, which has weights and constants.</param>
    /// <param name="node">The node.</param>
    /// <param name="values">The values that the nodes before it made.</param>
    /// <param name="type">The type that the network computes in.</param>
    private sealed class Operands(OnnxModule module, NodeProto node, Dictionary<string, Tensor> values, ScalarType type)
    {
        public int Count => node.Input.Count;

        /// <summary>The type that the network computes in.</summary>
        public ScalarType Type => type;

        /// <summary>Whether normalisations take the statistics of the batch.</summary>
        public bool IsTraining => module.training;

        /// <summary>A value, in the type that it has: weights in 32 bits. Operations dispose no operand.</summary>
        public Tensor this[int index] => Find(node.Input[index]);

        public bool Has(int index) => index < node.Input.Count && node.Input[index].Length > 0;

        /// <summary>A value, with weights of one dimension or more in the type to compute in.</summary>
        public Tensor Typed(int index)
        {
            Tensor value = this[index];
            return IsWeight(index) && value.dim() > 0 && value.dtype != type ? value.to(type) : value;
        }

        public Tensor? TypedOrNull(int index) => Has(index) ? Typed(index) : null;

        /// <summary>The number of an operand that is one weight; null for other operands.</summary>
        public double? Number(int index)
        {
            if (!Has(index) || !IsWeight(index) || this[index].numel() != 1)
                return null;
            using Tensor value = this[index].detach();
            return value.item<float>();
        }

        /// <summary>The values of an operand of integers.</summary>
        public long[] Longs(int index)
        {
            using Tensor integers = this[index].to(ScalarType.Int64);
            using Tensor packed = integers.contiguous();
            return packed.data<long>().ToArray();
        }

        /// <summary>Whether nobody else needs an operand, in this pass or backward.</summary>
        public bool CanOverwrite(int index) => module._overwritable.Contains(node.Input[index]);

        /// <summary>Whether a tensor is one of the operands itself.</summary>
        public bool Contain(Tensor result) => node.Input.Any(input => input.Length > 0 && ReferenceEquals(Find(input), result));

        private bool IsWeight(int index) => module._weights.ContainsKey(node.Input[index]);

        private Tensor Find(string name)
        {
            if (values.TryGetValue(name, out var value) || module._integers.TryGetValue(name, out value))
                return value;
            string weight = module._weights[name];
            return module.get_parameter(weight) ?? module.get_buffer(weight)!;
        }
    }
}
