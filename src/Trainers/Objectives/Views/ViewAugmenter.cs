using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>Makes the M views of a batch of images with one gather. It is the torch back end of <see cref="TransformationSet"/>.</summary>
internal sealed class ViewAugmenter : IDisposable
{
    private readonly ImageShape _shape;
    private readonly Tensor _allViews;
    private readonly Tensor _image;

    /// <exception cref="ArgumentException">A transformation is not defined for the shape.</exception>
    public ViewAugmenter(TransformationSet transformations, ImageShape shape, Device device)
    {
        transformations.Validate(shape);
        _shape = shape;
        _allViews = ChannelsLastIndices(transformations, shape, device);
        _image = ChannelsLastIndices(TransformationSet.None, shape, device);
    }

    /// <summary>The M views of each image, image-major.</summary>
    /// <param name="images">B x C*H*W values.</param>
    /// <returns>B*M x C x H x W, channels last in memory. The values are copied only once.</returns>
    public Tensor Views(Tensor images) => Gather(images, _allViews);

    /// <summary>The drawn views of each image, image-major.</summary>
    /// <param name="images">B x C*H*W values.</param>
    /// <param name="draw">k views of each image.</param>
    /// <returns>B*k x C x H x W, channels last in memory. The values are copied only once.</returns>
    public Tensor Views(Tensor images, ViewDraw draw)
    {
        if (draw.IsAll)
            return Views(images);

        using Tensor ofView = _allViews.view(-1, _shape.Length);
        using Tensor ofRow = ofView.index_select(0, draw.Numbers);
        using Tensor indices = ofRow.view(images.shape[0], -1);
        using Tensor gathered = images.gather(1, indices);
        return ChannelsLast(gathered);
    }

    /// <summary>The untransformed images.</summary>
    /// <param name="images">B x C*H*W values.</param>
    /// <returns>B x C x H x W, channels last in memory.</returns>
    public Tensor Images(Tensor images) => Gather(images, _image);

    public void Dispose()
    {
        _allViews.Dispose();
        _image.Dispose();
    }

    private Tensor Gather(Tensor images, Tensor indices)
    {
        using Tensor gathered = images.index_select(1, indices);
        return ChannelsLast(gathered);
    }

    private Tensor ChannelsLast(Tensor gathered)
    {
        using Tensor rows = gathered.view(-1, _shape.Height, _shape.Width, _shape.Channels);
        return rows.permute(0, 3, 1, 2);
    }

    /// <summary>The source indices of all views in the memory order of the result, so that one pass gathers and changes the layout.</summary>
    private static Tensor ChannelsLastIndices(TransformationSet transformations, ImageShape shape, Device device)
    {
        long[] indices = Array.ConvertAll(transformations.ViewIndices(shape), index => (long)index);
        using Tensor sources = tensor(indices, [transformations.Count, shape.Channels, shape.Height, shape.Width]);
        using Tensor channelsLast = sources.permute(0, 2, 3, 1);
        using Tensor flat = channelsLast.flatten();
        return flat.to(device);
    }
}
