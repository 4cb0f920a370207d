using System.Text.Json.Serialization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// A user's own backbone. It is trained as the module it is; its layers, read off the module, are what is exported, saved and
/// made again from a saved model.
/// </summary>
internal sealed class CustomNetwork : Architecture
{
    private readonly Func<ImageShape, nn.Module<Tensor, Tensor>>? _create;

    [JsonConstructor]
    public CustomNetwork(string name, int embeddingSize, Layer? layers)
        : this(name, embeddingSize, layers, create: null)
    {
    }

    public CustomNetwork(string name, int embeddingSize, Layer? layers, Func<ImageShape, nn.Module<Tensor, Tensor>>? create)
    {
        Name = name;
        EmbeddingSize = embeddingSize;
        Layers = layers;
        _create = create;
    }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public override string Name { get; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public override int EmbeddingSize { get; }

    public Layer? Layers { get; }

    internal override bool TakesAnyPrecision => _create is null;

    internal override string? Objection(ImageShape shape) => null;

    internal override (Architecture Chosen, string? Reason) Choose(ImageShape shape, int images, bool gpu)
    {
        if (_create is null)
            return (this, null);

        using var scope = NewDisposeScope();
        using var module = _create(shape);
        var layers = ModuleLayers.Of(module, Name);
        CheckEmbedding(module, shape);
        return (new CustomNetwork(Name, EmbeddingSize, layers, _create), null);
    }

    internal override Layer Describe(int channels) => Layers
        ?? throw new InvalidOperationException($"The layers of '{Name}' are known when it is made, for images of a shape.");

    internal override nn.Module<Tensor, Tensor> Create(ImageShape shape, Random random)
    {
        if (_create is null)
            return base.Create(shape, random);

        manual_seed(random.Next());
        return _create(shape);
    }

    private void CheckEmbedding(nn.Module<Tensor, Tensor> module, ImageShape shape)
    {
        using var noGradient = no_grad();
        module.eval();
        using Tensor embedding = module.forward(zeros(1, shape.Channels, shape.Height, shape.Width));
        if (!embedding.shape.AsSpan().SequenceEqual([1, EmbeddingSize]))
        {
            throw new InvalidOperationException(
                $"The backbone '{Name}' makes a tensor of [{string.Join(", ", embedding.shape)}] of one image of {shape}, and must make one of "
                + $"[1, {EmbeddingSize}]. Set embeddingSize to what it makes, and end it with a pooling and Flatten.");
        }
    }
}

/// <summary>Reads the layers off a torch module.</summary>
internal static class ModuleLayers
{
    /// <exception cref="InvalidOperationException">There is no ONNX form of a module; the message names it.</exception>
    public static Layer Of(nn.Module module, string path) => module switch
    {
        Sequential sequential => new Layer.Sequence(
            [.. sequential.named_children().Select(child => new Layer.Step(child.name, Of(child.module, $"{path}.{child.name}")))]),
        Conv2d conv when IsSquare(conv.kernel_size, conv.stride, conv.padding) && conv.padding_mode == PaddingModes.Zeros
            && conv.padding_type is null && conv.dilation.All(d => d == 1) => new Layer.Convolution(
            (int)conv.in_channels, (int)conv.out_channels, (int)conv.kernel_size[0], (int)conv.stride[0], (int)conv.padding![0], (int)conv.groups, conv.bias is not null),
        BatchNorm2d norm when norm.weight is not null && norm.running_mean is not null => new Layer.BatchNorm((int)norm.num_features, norm.eps),
        ReLU => new Layer.Relu(),
        MaxPool2d pool when !pool.ceil_mode && IsSquare(pool.kernel_size, pool.stride ?? pool.kernel_size, pool.padding ?? [0]) && (pool.dilation is null || pool.dilation.All(d => d == 1)) =>
            new Layer.MaxPool((int)pool.kernel_size[0], (int)(pool.stride ?? pool.kernel_size)[0], (int)(pool.padding?[0] ?? 0)),
        AvgPool2d pool when !pool.ceil_mode && pool.count_include_pad && pool.divisor_override is null
            && IsSquare(pool.kernel_size, pool.stride ?? pool.kernel_size, pool.padding ?? [0]) =>
            new Layer.AveragePool((int)pool.kernel_size[0], (int)(pool.stride ?? pool.kernel_size)[0], (int)(pool.padding?[0] ?? 0)),
        AdaptiveAvgPool2d pool when pool.output_size.All(side => side == 1) => new Layer.GlobalAveragePool(KeepsSides: true),
        Flatten flatten when flatten.start_dim == 1 && flatten.end_dim == -1 => new Layer.Flatten(),
        Linear linear => new Layer.Linear((int)linear.in_features, (int)linear.out_features, linear.bias is not null),
        Dropout or TorchSharp.Modules.Identity => new Layer.Sequence(),
        _ => throw new InvalidOperationException(
            $"The module '{path}' of the backbone, a {module.GetType().Name}, has no ONNX form here, or not with its options, so the trained model could not "
            + "be scored. Build the backbone of Sequential, Conv2d, BatchNorm2d, ReLU, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d(1), Flatten, Linear, Dropout "
            + "and Identity, or use an architecture of the library."),
    };

    private static bool IsSquare(params long[]?[] sizes) => sizes.All(size => size is null || size.All(side => side == size[0]));
}
