using Microsoft.ML.Sla.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The torch modules of a <see cref="Layer"/>. Each releases what it made before it returns, but for its result.</summary>
/// <remarks>
/// A residual network keeps a tensor for each layer until the backward pass; whatever else stays alive costs memory and,
/// through page faults, time. So modules work in place where autograd allows it and dispose every intermediate handle.
/// Parameters are looked up by name, for moving a module to another device replaces them. A module computes in the type of its
/// input; weights are brought to it on the way, and gradients back, by autograd. Normalisations take their 32-bit weights and
/// statistics as they are.
/// </remarks>
internal static class LayerModule
{
    public static nn.Module<Tensor, Tensor> Create(Layer layer, Random random) => layer switch
    {
        Layer.Sequence sequence => new SequenceModule(sequence, random),
        Layer.Convolution convolution => new ConvolutionModule(convolution, random),
        Layer.BatchNorm norm => new BatchNormModule(norm),
        Layer.Relu relu => new ReluModule(relu),
        Layer.Residual residual => new ResidualModule(residual, random),
        Layer.StrideAndPad shortcut => new StrideAndPadModule(shortcut),
        Layer.MaxPool pool => new MaxPoolModule(pool),
        Layer.AveragePool pool => new AveragePoolModule(pool),
        Layer.GlobalAveragePool pool => new GlobalAveragePoolModule(pool),
        Layer.Flatten => new FlattenModule(),
        Layer.Linear linear => new LinearModule(linear, random),
        _ => throw new NotSupportedException($"There is no torch module for {layer.GetType().Name}."),
    };

    private sealed class SequenceModule : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor>[] _steps;

        public SequenceModule(Layer.Sequence sequence, Random random)
            : base(nameof(SequenceModule))
        {
            _steps = new nn.Module<Tensor, Tensor>[sequence.Steps.Length];
            for (int i = 0; i < _steps.Length; i++)
            {
                _steps[i] = LayerModule.Create(sequence.Steps[i].Layer, random);
                register_module(sequence.Steps[i].Name, _steps[i]);
            }
        }

        public override Tensor forward(Tensor input)
        {
            Tensor x = input;
            foreach (var step in _steps)
            {
                Tensor next = step.forward(x);
                if (!ReferenceEquals(x, input) && !ReferenceEquals(x, next))
                    x.Dispose();
                x = next;
            }

            return x;
        }
    }

    private sealed class ConvolutionModule : nn.Module<Tensor, Tensor>
    {
        private readonly Layer.Convolution _layer;

        public ConvolutionModule(Layer.Convolution layer, Random random)
            : base(nameof(ConvolutionModule))
        {
            _layer = layer;
            register_parameter("weight", Initialization.HeNormal(random, layer.OutChannels, layer.InChannels / layer.Groups, layer.Kernel, layer.Kernel));
            if (layer.Bias)
                register_parameter("bias", new Parameter(zeros(layer.OutChannels)));
        }

        public override Tensor forward(Tensor x)
        {
            using Tensor weight = get_parameter("weight")!.to(x.dtype);
            using Tensor? bias = _layer.Bias ? get_parameter("bias")!.to(x.dtype) : null;
            return x.Convolve(weight, bias, [_layer.Stride, _layer.Stride], [_layer.Padding, _layer.Padding], dilations: [1, 1], _layer.Groups);
        }
    }

    private sealed class BatchNormModule : nn.Module<Tensor, Tensor>
    {
        private readonly double _epsilon;

        public BatchNormModule(Layer.BatchNorm layer)
            : base(nameof(BatchNormModule))
        {
            _epsilon = layer.Epsilon;
            register_parameter("weight", new Parameter(ones(layer.Channels)));
            register_parameter("bias", new Parameter(zeros(layer.Channels)));
            register_buffer("running_mean", zeros(layer.Channels));
            register_buffer("running_var", ones(layer.Channels));
        }

        public override Tensor forward(Tensor x) => nn.functional.batch_norm(
            x,
            get_buffer("running_mean"),
            get_buffer("running_var"),
            get_parameter("weight"),
            get_parameter("bias"),
            training,
            Layer.BatchNorm.Momentum,
            _epsilon);
    }

    /// <summary>In place, and returns its argument: what it overwrites, the result of a batch normalisation, is not needed again.</summary>
    private sealed class ReluModule(Layer.Relu layer) : nn.Module<Tensor, Tensor>(nameof(ReluModule))
    {
        public override Tensor forward(Tensor x) => layer.NegativeSlope == 0 ? x.relu_() : x.LeakyRelu(layer.NegativeSlope);
    }

    private sealed class ResidualModule : nn.Module<Tensor, Tensor>
    {
        // Without the names, torch would register the fields a second time, under theirs.
        [ComponentName(Name = "body")]
        private readonly nn.Module<Tensor, Tensor> _body;

        [ComponentName(Name = "shortcut")]
        private readonly nn.Module<Tensor, Tensor>? _shortcut;

        private readonly bool _endsWithRelu;

        public ResidualModule(Layer.Residual layer, Random random)
            : base(nameof(ResidualModule))
        {
            _endsWithRelu = layer.EndsWithRelu;
            _body = LayerModule.Create(layer.Body, random);
            register_module("body", _body);
            if (layer.Shortcut is not null)
            {
                _shortcut = LayerModule.Create(layer.Shortcut, random);
                register_module("shortcut", _shortcut);
            }
        }

        public override Tensor forward(Tensor x)
        {
            Tensor body = _body.forward(x);
            using Tensor? shortcut = _shortcut?.forward(x);
            body.Add(shortcut ?? x);
            return _endsWithRelu ? body.relu_() : body;
        }
    }

    private sealed class StrideAndPadModule(Layer.StrideAndPad layer) : nn.Module<Tensor, Tensor>(nameof(StrideAndPadModule))
    {
        public override Tensor forward(Tensor x)
        {
            using Tensor pixels = x.AtStrides(layer.Stride, layer.Stride);
            return nn.functional.pad(pixels, [0, 0, 0, 0, 0, layer.ExtraChannels]);
        }
    }

    private sealed class MaxPoolModule(Layer.MaxPool layer) : nn.Module<Tensor, Tensor>(nameof(MaxPoolModule))
    {
        public override Tensor forward(Tensor x) => nn.functional.max_pool2d(x, layer.Kernel, layer.Stride, layer.Padding);
    }

    private sealed class AveragePoolModule(Layer.AveragePool layer) : nn.Module<Tensor, Tensor>(nameof(AveragePoolModule))
    {
        public override Tensor forward(Tensor x) => nn.functional.avg_pool2d(x, layer.Kernel, layer.Stride, layer.Padding);
    }

    private sealed class GlobalAveragePoolModule(Layer.GlobalAveragePool layer) : nn.Module<Tensor, Tensor>(nameof(GlobalAveragePoolModule))
    {
        public override Tensor forward(Tensor x) => x.mean([2, 3], keepdim: layer.KeepsSides);
    }

    private sealed class FlattenModule() : nn.Module<Tensor, Tensor>(nameof(FlattenModule))
    {
        public override Tensor forward(Tensor x) => x.flatten(1);
    }

    private sealed class LinearModule : nn.Module<Tensor, Tensor>
    {
        private readonly bool _bias;

        public LinearModule(Layer.Linear layer, Random random)
            : base(nameof(LinearModule))
        {
            _bias = layer.Bias;
            register_parameter("weight", Initialization.LinearUniform(random, layer.Inputs, layer.Outputs, layer.Inputs));
            if (_bias)
                register_parameter("bias", Initialization.LinearUniform(random, layer.Inputs, layer.Outputs));
        }

        public override Tensor forward(Tensor x)
        {
            using Tensor weight = get_parameter("weight")!.to(x.dtype);
            using Tensor? bias = _bias ? get_parameter("bias")!.to(x.dtype) : null;
            return nn.functional.linear(x, weight, bias);
        }
    }
}
