using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Chains;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Files;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla;

/// <summary>
/// Adds the M views of each image, and the joint label (class, transformation) of each view (Lee, Hwang and Shin, ICML 2020).
/// </summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Column</term><description>Type</description></listheader>
/// <item><term>Features (input)</term><description>An image (MLImage), or a vector of C*H*W bytes or floats.</description></item>
/// <item><term>Label (input, training only)</term><description>A key with a known number of classes.</description></item>
/// <item><term>Views (output)</term><description>A vector of M*C*H*W values of the input's type, one view after another. For images, floats of 0 to 255.</description></item>
/// <item><term>JointLabel (output, if there is a label column)</term><description>A vector of M keys, y*M + j for view j, with key values such as <c>cat @ 90°</c>.</description></item>
/// </list>
/// A saved transformer makes the views with ML.NET's own components. It does not make joint labels, which only training needs.
/// </remarks>
public sealed class LabelAugmentingEstimator : IEstimator<ITransformer>
{
    /// <summary>Gives float vectors a factor of 1, because views only move values and their range does not matter.</summary>
    private const float ByteMaximum = 255;

    private readonly IHostEnvironment _environment;
    private readonly Options _options;

    internal LabelAugmentingEstimator(IHostEnvironment environment, Options options)
    {
        options.Validate();
        _environment = environment;
        _options = options;
    }

    /// <summary>Prepares the augmentation. It learns nothing from the rows.</summary>
    /// <param name="input">The training rows.</param>
    /// <returns>The transformer. Dispose it when it is no longer used.</returns>
    /// <exception cref="ArgumentException">A column is missing or has the wrong type, or a transformation is not defined for the images.</exception>
    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        Check(MLNetInternals.ShapeOf(input.Schema));
        var features = Features(input.Schema[_options.InputColumnName]);
        _options.Transformations.Validate(features.Shape);

        var views = Views(input, features);
        return input.Schema.GetColumnOrNull(_options.LabelColumnName) is { } label
            ? new LabelAugmentingTransformer(views, new JointLabelMapping(_environment, input, label, _options.Transformations, _options.JointLabelColumnName))
            : views;
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var feature = Check(inputSchema);
        var columns = inputSchema.ToDictionary(column => column.Name);
        columns[_options.ViewsColumnName] = OutputColumns.Vector(
            _options.ViewsColumnName, feature.ItemType == NumberDataViewType.Byte ? NumberDataViewType.Byte : NumberDataViewType.Single);
        if (columns.ContainsKey(_options.LabelColumnName))
            columns[_options.JointLabelColumnName] = OutputColumns.JointLabels(_options.JointLabelColumnName);
        return new SchemaShape(columns.Values);
    }

    private SchemaShape.Column Check(SchemaShape schema)
    {
        if (schema.Any(column => column.Name == _options.LabelColumnName))
            InputColumns.CheckLabel(schema, _options.LabelColumnName, nameof(_options.LabelColumnName));
        return InputColumns.CheckFeatures(schema, _options.InputColumnName, nameof(_options.InputColumnName));
    }

    private FeatureColumn Features(DataViewSchema.Column column)
    {
        if (column.Type is VectorDataViewType vector)
        {
            return FeatureColumn.OfVector(
                column.Name, vector, _options.ImageWidth, _options.ImageHeight, _options.Channels, _options.Resizing, ByteMaximum);
        }

        var type = (ImageDataViewType)column.Type;
        int height = _options.ImageHeight ?? type.Height, width = _options.ImageWidth ?? type.Width;
        if (height <= 0 || width <= 0)
        {
            throw new ArgumentException(
                $"The column '{column.Name}' holds images of unknown size, and all views need one size. Set ImageWidth and ImageHeight to resize the images.");
        }

        return new FeatureColumn(column.Name, FeatureKind.Image, new ImageShape(_options.Channels, height, width), _options.Resizing, ByteMaximum);
    }

    private NativeChain Views(IDataView input, FeatureColumn features)
    {
        var transforms = MLNetInternals.Transforms(_environment);
        var file = new TemporaryFile(ViewGraph(features), ".onnx");
        IEnumerable<IEstimator<ITransformer>> pixels = features.Kind == FeatureKind.Image
            ? features.PreparePixels(_environment)
            : [transforms.CopyColumns(FeatureColumn.PixelColumn, features.Name)];
        return new NativeChain(
            input,
            [
                .. pixels,
                transforms.ApplyOnnxModel([_options.ViewsColumnName], [FeatureColumn.PixelColumn], file.Path),
                transforms.DropColumns([.. features.TemporaryColumns]),
            ],
            OwnedImages.Of(_environment, features),
            file);
    }

    /// <summary>The graph that makes all views with one gather. It is the ONNX back end of the transformations.</summary>
    private byte[] ViewGraph(FeatureColumn features)
    {
        var graph = new OnnxGraph("views");
        var type = features.Kind == FeatureKind.Bytes ? OnnxType.UInt8 : OnnxType.Float;
        string pixels = graph.Input(FeatureColumn.PixelColumn, type, 1, features.Shape.Length);
        string views = graph.Node("Gather", [pixels, graph.Indices(_options.Transformations.ViewIndices(features.Shape))], ("axis", 1));
        graph.Output(_options.ViewsColumnName, views, type, _options.Transformations.Count * features.Shape.Length);
        return graph.ToBytes();
    }

    /// <summary>Options of <see cref="LabelAugmentingEstimator"/>.</summary>
    public sealed class Options
    {
        /// <summary>Name of the image column: an MLImage, or a vector of C*H*W bytes or floats.</summary>
        /// <value>Default <c>Features</c>.</value>
        public string InputColumnName { get; set; } = "Features";

        /// <summary>Name of the label column, a key. Data without that column get views but no joint labels.</summary>
        /// <value>Default <c>Label</c>.</value>
        public string LabelColumnName { get; set; } = "Label";

        /// <summary>Name of the column of views.</summary>
        /// <value>Default <c>Views</c>.</value>
        public string ViewsColumnName { get; set; } = "Views";

        /// <summary>Name of the column of joint labels.</summary>
        /// <value>Default <c>JointLabel</c>.</value>
        public string JointLabelColumnName { get; set; } = "JointLabel";

        /// <summary>The M transformations.</summary>
        /// <value>Default <see cref="TransformationSet.Rotation"/>, which needs square images.</value>
        public TransformationSet Transformations { get; set; } = TransformationSet.Rotation;

        /// <summary>
        /// Width in pixels. The transformer resizes images to it; pixel vectors must have it. Give <see cref="ImageHeight"/> as well.
        /// </summary>
        /// <value>Default null: the width in the column's type; for vectors of one dimension, that of a square image.</value>
        public int? ImageWidth { get; set; }

        /// <summary>Height in pixels. The transformer resizes images to it; pixel vectors must have it.</summary>
        /// <value>Default null, as for <see cref="ImageWidth"/>.</value>
        public int? ImageHeight { get; set; }

        /// <summary>
        /// Number of channels: 3 for colour, 1 for grey. With 1, colour images become grey. Ignored for vectors of three dimensions (C x H x W).
        /// </summary>
        /// <value>Default 3.</value>
        public int Channels { get; set; } = 3;

        /// <summary>How images of other proportions are resized to <see cref="ImageWidth"/> x <see cref="ImageHeight"/>.</summary>
        /// <value>Default IsoCrop: the image is scaled to fill the size, and the excess is cut off.</value>
        public ImageResizingEstimator.ResizingKind Resizing { get; set; } = ImageResizingEstimator.ResizingKind.IsoCrop;

        internal void Validate()
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(InputColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(LabelColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(ViewsColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(JointLabelColumnName);
            ArgumentNullException.ThrowIfNull(Transformations);
            if (Channels is not (1 or 3))
                throw new ArgumentOutOfRangeException(nameof(Channels), Channels, "The option Channels must be 1 (grey) or 3 (colour).");
            if (ImageWidth is null != ImageHeight is null || ImageWidth <= 0 || ImageHeight <= 0)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(ImageWidth), ImageWidth, "The options ImageWidth and ImageHeight must be given together and be above 0, or both be null.");
            }
        }
    }
}
