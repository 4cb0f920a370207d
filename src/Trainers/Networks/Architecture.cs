using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla;

/// <summary>The backbone f: which network turns an image into the embedding z that the heads classify.</summary>
[JsonDerivedType(typeof(CifarResNet), "cifarResNet")]
[JsonDerivedType(typeof(WideResNet), "wideResNet")]
[JsonDerivedType(typeof(ResNet), "resNet")]
[JsonDerivedType(typeof(ConvNet), "convNet")]
[JsonDerivedType(typeof(ResNet12), "resNet12")]
[JsonDerivedType(typeof(CustomNetwork), "custom")]
[JsonDerivedType(typeof(OnnxNetwork), "onnx")]
public abstract class Architecture
{
    /// <summary>The largest factor on, or number of, channels: more is an error of a digit, or of a file.</summary>
    private protected const int LargestWidth = 4096;

    private protected Architecture()
    {
    }

    /// <summary>
    /// Chooses by image size, number of images and device, and says in the log what and why. The choice among small networks on a
    /// CPU keeps a training on few images short.
    /// <list type="table">
    /// <listheader><term>Images</term><description>CPU; GPU</description></listheader>
    /// <item><term>sides of 16 to 64 pixels</term><description>ConvNet, CIFAR ResNet-32 from 10,000 images; WideResNet-28-2, WideResNet-28-10 from 10,000 images</description></item>
    /// <item><term>larger, both sides 32 pixels or more</term><description>ResNet-18; ResNet-34, ResNet-50 from 10,000 images</description></item>
    /// <item><term>larger, one side below 32 pixels</term><description>ConvNet</description></item>
    /// </list>
    /// </summary>
    public static Architecture Auto { get; } = new AutoArchitecture();

    /// <summary>The names that <see cref="Parse"/> knows, such as <c>cifar-resnet-DEPTH[-WIDTH]</c>, with capitals for numbers.</summary>
    public static IReadOnlyList<string> NamePatterns => ArchitectureName.Patterns;

    /// <summary>The name that logs and model metadata show, such as <c>CIFAR ResNet-32</c>.</summary>
    [JsonIgnore]
    public abstract string Name { get; }

    /// <summary>Number of values of the embedding, D.</summary>
    [JsonIgnore]
    public abstract int EmbeddingSize { get; }

    /// <summary>
    /// The residual network for small images of the paper's CIFAR experiments: three stages of 16, 32 and 64 channels times
    /// <paramref name="width"/>, (depth - 2) / 6 basic blocks each, parameter-free shortcuts.
    /// </summary>
    /// <param name="depth">Number of weighted layers, 6n + 2: 8, 14, 20, 26, 32, 44, 56, 110, ... Default 32, the paper's.</param>
    /// <param name="width">Factor on the number of channels, 1 to 4096. Default 1.</param>
    /// <returns>The architecture, for images with sides of 16 to 64 pixels and 1 or 3 channels.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Depth is not 6n + 2 of 8 to 1202, or width is not 1 to 4096.</exception>
    public static Architecture CifarResNet(int depth = 32, int width = 1) => new CifarResNet(depth, width);

    /// <summary>
    /// The wide residual network for small images (Zagoruyko and Komodakis 2016): three stages of 16, 32 and 64 channels times
    /// <paramref name="width"/>, (depth - 4) / 6 blocks each.
    /// </summary>
    /// <param name="depth">Number of weighted layers, 6n + 4: 10, 16, 22, 28, 40, ... Default 28.</param>
    /// <param name="width">Factor on the number of channels, 1 to 4096. Default 10.</param>
    /// <returns>The architecture, for images with sides of 16 to 64 pixels and 1 or 3 channels.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Depth is not 6n + 4 of 10 to 1204, or width is not 1 to 4096.</exception>
    public static Architecture WideResNet(int depth = 28, int width = 10) => new WideResNet(depth, width);

    /// <summary>The residual network for photos (He et al. 2016), with the layers of torchvision's, which published weights are for.</summary>
    /// <param name="depth">18, 34 or 50. Default 18.</param>
    /// <returns>The architecture, for images with sides of 32 pixels or more, 224 in the literature, and 1 or 3 channels.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such depth.</exception>
    public static Architecture ResNet(int depth = 18) => new ResNet(depth);

    /// <summary>The network of four convolutions of the few-shot literature (Vinyals et al. 2016), with global average pooling.</summary>
    /// <param name="width">Number of channels, 1 to 4096. Default 64.</param>
    /// <returns>The architecture, for images with sides of 16 pixels or more and 1 or 3 channels.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Width is not 1 to 4096.</exception>
    public static Architecture ConvNet(int width = 64) => new ConvNet(width);

    /// <summary>
    /// The residual network of the few-shot literature (Lee, K. et al. 2019): four blocks of three convolutions with leaky relus, each
    /// of which halves the sides, and global average pooling. It has no DropBlock.
    /// </summary>
    /// <param name="width">Channels of the first block, an even number of 2 to 4096; the others have 2.5, 5 and 10 times as many. Default 64.</param>
    /// <returns>The architecture, for images with sides of 16 pixels or more and 1 or 3 channels.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Width is not 2 to 4096, or odd.</exception>
    public static Architecture ResNet12(int width = 64) => new ResNet12(width);

    /// <summary>
    /// A pretrained network from an ONNX file, for example an export of torchvision or timm, or a file of the ONNX model zoo. The embedding is the
    /// input of its last linear layer.
    /// </summary>
    /// <param name="path">The file. The network has one input, a batch of images with 3 channels. The file holds its weights.</param>
    /// <param name="options">The form of the images and the embedding. Default null: the defaults of the options, which suit torchvision.</param>
    /// <returns>The architecture with its weights.</returns>
    /// <exception cref="ArgumentException">An option has an invalid value.</exception>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is no ONNX file, is damaged, or holds a network that cannot be used; the message says why.</exception>
    public static Architecture FromOnnx(string path, OnnxBackboneOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return OnnxBackboneFile.Read(path, options?.Clone() ?? new OnnxBackboneOptions());
    }

    /// <summary>
    /// Microsoft's ResNet-18, trained on the photos of ImageNet. The package <c>Microsoft.ML.DnnImageFeaturizer.ResNet18</c> puts its file beside
    /// the program.
    /// </summary>
    /// <param name="embedding">What the embedding is made of: 2,048 values of the last blocks, or the 512 of the last layer.</param>
    /// <returns>The architecture with its weights, for images with sides of 32 pixels or more. It was trained at 224 pixels.</returns>
    /// <exception cref="FileNotFoundException">The program does not reference the package.</exception>
    /// <exception cref="InvalidDataException">A file of the package is damaged.</exception>
    public static Architecture PretrainedResNet18(BackboneEmbedding embedding = BackboneEmbedding.Blocks) => MicrosoftResNet18.Read(embedding);

    /// <summary>A backbone of one's own: B x C x H x W to B x D. It is trained by its own forward.</summary>
    /// <param name="name">The name that logs and model metadata show.</param>
    /// <param name="embeddingSize">D.</param>
    /// <param name="create">
    /// Makes the module for images of a shape. Torch's generator is seeded with the run's seed before, so initial weights are
    /// repeatable. It is called more than once.
    /// </param>
    /// <returns>The architecture.</returns>
    /// <remarks>
    /// A model scores in ONNX Runtime, so each module needs an ONNX form. The library knows that of <c>Sequential</c>, nested as
    /// you like, over <c>Conv2d</c> (square, zero padding, no dilation), <c>BatchNorm2d</c>, <c>ReLU</c>, <c>MaxPool2d</c>,
    /// <c>AvgPool2d</c>, <c>AdaptiveAvgPool2d(1)</c>, <c>Flatten</c>, <c>Linear</c>, <c>Dropout</c> and <c>Identity</c>. For any
    /// other module Fit fails before training, and names it.
    /// </remarks>
    /// <exception cref="ArgumentException">The name is empty, or the size below 1.</exception>
    public static Architecture Custom(string name, int embeddingSize, Func<ImageShape, nn.Module<Tensor, Tensor>> create)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(embeddingSize, 1);
        ArgumentNullException.ThrowIfNull(create);
        return new CustomNetwork(name, embeddingSize, layers: null, create);
    }

    /// <summary>Gets an architecture by name, such as <c>cifar-resnet-8</c>, <c>wide-resnet-28-2</c> or <c>CIFAR ResNet-32</c>.</summary>
    /// <param name="text">
    /// A name of <see cref="NamePatterns"/>, without its numbers for the default ones, or the <see cref="Name"/> of an architecture
    /// that is not custom. Case, spaces and hyphens do not matter.
    /// </param>
    /// <returns>The architecture.</returns>
    /// <exception cref="FormatException">There is no such architecture; the message lists the names.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The architecture has no such depth or width.</exception>
    public static Architecture Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return ArchitectureName.Parse(text);
    }

    /// <summary>What the network costs, without making it.</summary>
    /// <param name="shape">Shape of the images.</param>
    /// <returns>Parameters and multiply-adds.</returns>
    /// <exception cref="InvalidOperationException">The architecture is <see cref="Auto"/> or custom, and not chosen or made yet.</exception>
    public virtual NetworkCost Cost(ImageShape shape) => LayerCost.Of(Describe(shape.Channels), shape);

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>Whether the module computes in the type of its input, whatever type its weights have.</summary>
    [JsonIgnore]
    internal virtual bool TakesAnyPrecision => true;

    /// <summary>Whether 8-bit integers were measured to be faster for networks like this one, and as accurate.</summary>
    [JsonIgnore]
    internal virtual bool SuitsInt8 => false;

    /// <summary>What makes two architectures the same one.</summary>
    [JsonIgnore]
    internal virtual string Identity => Name;

    /// <summary>The weights that the backbone comes with; null where they are drawn.</summary>
    [JsonIgnore]
    internal virtual Weights? InitialWeights => null;

    /// <summary>What the backbone was trained to see of a pixel; null where it was not trained.</summary>
    [JsonIgnore]
    internal virtual PixelNormalization? InitialNormalization => null;

    /// <summary>Says what is wrong with a shape of images and what to do about it, or null where the network takes it.</summary>
    internal abstract string? Objection(ImageShape shape);

    /// <summary>The network for a training run, and why it was chosen, where there was a choice.</summary>
    internal virtual (Architecture Chosen, string? Reason) Choose(ImageShape shape, int images, bool gpu) => (this, null);

    /// <summary>The layers for images of a number of channels.</summary>
    internal abstract Layer Describe(int channels);

    /// <summary>Adds the backbone's nodes to an ONNX graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="shape">Shape of the images.</param>
    /// <param name="name">What the names of its weights begin with.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="images">The value of the normalised images, B x C x H x W.</param>
    /// <returns>The value of the embeddings, B x D.</returns>
    internal virtual string Append(OnnxGraph graph, ImageShape shape, string name, Weights weights, string images) =>
        LayerGraph.Append(graph, Describe(shape.Channels), name, weights, images);

    /// <summary>The shapes of the backbone's tensors by name, which are checked to fit the images.</summary>
    /// <param name="shape">Shape of the images.</param>
    /// <param name="name">What the names of its tensors begin with.</param>
    /// <param name="views">Number of images that it is applied to at a time.</param>
    /// <exception cref="InvalidDataException">The layers do not fit each other or the images, or make too much of them.</exception>
    internal virtual IReadOnlyDictionary<string, long[]> TensorShapes(ImageShape shape, string name, int views) =>
        LayerShapes.Of(Describe(shape.Channels), name, shape, views, EmbeddingSize);

    /// <summary>The module, with initial weights that are a function of the generator alone.</summary>
    internal virtual nn.Module<Tensor, Tensor> Create(ImageShape shape, Random random) => LayerModule.Create(Describe(shape.Channels), random);

    private protected string? Objection(ImageShape shape, int smallestSide, int largestSide)
    {
        if (shape.Channels is not (1 or 3))
            return $"{Name} takes images of 1 or 3 channels, and these have {shape.Channels}.";
        if (Math.Min(shape.Height, shape.Width) >= smallestSide && Math.Max(shape.Height, shape.Width) <= largestSide)
            return null;

        string sides = largestSide == int.MaxValue ? $"{smallestSide} pixels or more" : $"{smallestSide} to {largestSide} pixels";
        return $"{Name} takes images with sides of {sides}, and these are {shape.Width} pixels wide and {shape.Height} high. "
            + $"Set ImageWidth and ImageHeight, to {Math.Max(32, smallestSide)} for example, and the images are resized"
            + (largestSide == int.MaxValue ? "." : ", or set Architecture to Architecture.Auto.");
    }
}
