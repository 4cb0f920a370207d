using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <content>Operators that slide a window over images, and those over whole images.</content>
internal sealed partial class OnnxModule
{
    private static Operation? Window(NodeProto node) => node.OpType switch
    {
        "Conv" => Convolution(node),
        "MaxPool" => MaxPool(node),
        "AveragePool" => AveragePool(node),
        "GlobalAveragePool" => operands => operands[0].mean([.. Enumerable.Range(2, (int)operands[0].dim() - 2)], keepdim: true),
        "GlobalMaxPool" => operands => operands[0].amax([.. Enumerable.Range(2, (int)operands[0].dim() - 2)], keepdim: true),
        _ => null,
    };

    private static Operation Convolution(NodeProto node)
    {
        Allow(node, "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides");
        var window = new SlidingWindow(node);
        long groups = node.Int("group", 1);
        return operands =>
        {
            Tensor weight = operands.Typed(1);
            var (x, padding) = window.Padded(AsChannelsLast(operands[0]), weight.shape[2..], value: 0, isLimited: false);
            return x.Convolve(weight, operands.TypedOrNull(2), window.Strides, padding, window.Dilations, groups);
        };
    }

    private static Operation MaxPool(NodeProto node)
    {
        Allow(node, "auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides");
        var window = new SlidingWindow(node);
        bool ceil = node.Int("ceil_mode", 0) != 0;
        return operands =>
        {
            var (x, padding) = window.Padded(operands[0], window.Kernel, double.NegativeInfinity, isLimited: true);
            return nn.functional.max_pool2d(x, window.Kernel, window.Strides, padding, window.Dilations, ceil);
        };
    }

    private static Operation AveragePool(NodeProto node)
    {
        Allow(node, "auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides");
        var window = new SlidingWindow(node);
        bool ceil = node.Int("ceil_mode", 0) != 0, countsPadding = node.Int("count_include_pad", 0) != 0;
        return operands =>
        {
            Tensor x = operands[0];
            var (padded, padding) = window.Padded(x, window.Kernel, value: 0, isLimited: true);
            if (countsPadding || ReferenceEquals(padded, x))
                return nn.functional.avg_pool2d(padded, window.Kernel, window.Strides, padding, ceil, countsPadding);

            // The mean over the pixels that are there is that over all of the window, by the share of pixels that are there.
            Tensor there = window.Padded(ones_like(x.detach()), window.Kernel, value: 0, isLimited: true).Padded;
            Tensor share = nn.functional.avg_pool2d(there, window.Kernel, window.Strides, padding, ceil);
            return nn.functional.avg_pool2d(padded, window.Kernel, window.Strides, padding, ceil).div(share);
        };
    }

    /// <summary>Images with the channels side by side, on which convolutions on a CPU run about twice as fast. An operator before may have changed that.</summary>
    private static Tensor AsChannelsLast(Tensor images) =>
        images.stride()[1] == 1 || images.shape[1] == 1 || images.device.type != TorchSharp.DeviceType.CPU ? images : Layout.ChannelsLast(images);

    /// <summary>The attributes of a node with a window of two dimensions.</summary>
    private sealed class SlidingWindow
    {
        private readonly long[] _pads;
        private readonly string _automatic;

        /// <exception cref="NotSupportedException">The window has another number of dimensions.</exception>
        public SlidingWindow(NodeProto node)
        {
            Kernel = node.Ints("kernel_shape") ?? [];
            Strides = node.Ints("strides") ?? [1, 1];
            Dilations = node.Ints("dilations") ?? [1, 1];
            _pads = node.Ints("pads") ?? [0, 0, 0, 0];
            _automatic = node.Text("auto_pad") ?? "NOTSET";
            if (Kernel.Length is not (0 or 2) || Strides.Length != 2 || Dilations.Length != 2 || _pads.Length != 4)
                throw new NotSupportedException("whose window is not of two dimensions");
            if (_automatic is not ("NOTSET" or "VALID" or "SAME_UPPER" or "SAME_LOWER"))
                throw new NotSupportedException($"with the padding '{_automatic}', which torch training has no form of");
        }

        public long[] Kernel { get; }

        public long[] Strides { get; }

        public long[] Dilations { get; }

        /// <summary>Pads images where torch's operator does not.</summary>
        /// <param name="x">The images.</param>
        /// <param name="kernel">Height and width of the window.</param>
        /// <param name="value">What they are padded with.</param>
        /// <param name="isLimited">Whether torch's operator pads by half a window at most.</param>
        /// <returns>The images, and what torch's operator has to pad.</returns>
        public (Tensor Padded, long[] Padding) Padded(Tensor x, long[] kernel, double value, bool isLimited)
        {
            var (top, bottom) = Sides(0, x.shape[2], kernel[0]);
            var (left, right) = Sides(1, x.shape[3], kernel[1]);
            bool isTorch = top == bottom && left == right && (!isLimited || (2 * top <= kernel[0] && 2 * left <= kernel[1]));
            return isTorch ? (x, [top, left]) : (nn.functional.pad(x, [left, right, top, bottom], value: value), [0, 0]);
        }

        private (long Before, long After) Sides(int axis, long side, long kernel)
        {
            if (_automatic == "NOTSET")
                return (_pads[axis], _pads[axis + 2]);
            if (_automatic == "VALID")
                return (0, 0);
            long windows = (side + Strides[axis] - 1) / Strides[axis];
            long total = Math.Max(((windows - 1) * Strides[axis]) + ((kernel - 1) * Dilations[axis]) + 1 - side, 0);
            long smaller = total / 2;
            return _automatic == "SAME_UPPER" ? (smaller, total - smaller) : (total - smaller, smaller);
        }
    }
}
