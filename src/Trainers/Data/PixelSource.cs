using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>Reads the pixels of a cursor's current row as C x H x W bytes.</summary>
internal abstract class PixelSource
{
    /// <param name="row">The cursor.</param>
    /// <param name="column">The feature column.</param>
    /// <param name="features">The description of the column.</param>
    /// <param name="sameSize">Whether all images must already have the features' shape; otherwise they are resized to it.</param>
    public static PixelSource Create(DataViewRow row, DataViewSchema.Column column, FeatureColumn features, bool sameSize) => features.Kind switch
    {
        FeatureKind.Image => new ImageSource(row.GetGetter<MLImage>(column), features, sameSize),
        FeatureKind.Bytes => new ByteSource(row.GetGetter<VBuffer<byte>>(column)),
        _ => new FloatSource(row.GetGetter<VBuffer<float>>(column), features),
    };

    /// <exception cref="InvalidDataException">The row's value is not a usable image.</exception>
    public abstract void Read(Span<byte> pixels);

    /// <summary>Called after the last row. Checks the range of the values of all rows.</summary>
    public virtual void CheckRange()
    {
    }

    /// <remarks>
    /// This class does not dispose images: ML.NET's getters dispose the previous one, and a program that holds rows in memory still uses
    /// their images.
    /// </remarks>
    private sealed class ImageSource(ValueGetter<MLImage> getter, FeatureColumn features, bool sameSize) : PixelSource
    {
        private MLImage? _image;

        public override void Read(Span<byte> pixels)
        {
            getter(ref _image!);
            if (_image is null)
                throw new InvalidDataException("there is no image. Check that the path is not empty.");
            var shape = features.Shape;
            if (sameSize && (_image.Width != shape.Width || _image.Height != shape.Height))
            {
                throw new InvalidDataException(
                    $"the image is {_image.Width} pixels wide and {_image.Height} high, and the first one is {shape.Width} wide and {shape.Height} high. "
                    + "Set ImageWidth and ImageHeight, to 224 for a pretrained network or 64 for a training from scratch, for example. Then all images are resized.");
            }

            features.CopyPixels(_image, pixels);
        }
    }

    private sealed class ByteSource(ValueGetter<VBuffer<byte>> getter) : PixelSource
    {
        private VBuffer<byte> _values;

        public override void Read(Span<byte> pixels)
        {
            getter(ref _values);
            _values.CopyTo(pixels);
        }
    }

    private sealed class FloatSource(ValueGetter<VBuffer<float>> getter, FeatureColumn features) : PixelSource
    {
        private readonly float[] _row = new float[features.Shape.Length];
        private VBuffer<float> _values;
        private bool _read;
        private bool _aboveOne;

        public override void Read(Span<byte> pixels)
        {
            getter(ref _values);
            _values.CopyTo(_row);
            _read = true;
            for (int i = 0; i < pixels.Length; i++)
            {
                float value = _row[i];
                if (!(value >= 0 && value <= features.PixelMaximum))
                {
                    throw new InvalidDataException(
                        $"the value at position {i} is {value}, and pixels run from 0 to {features.PixelMaximum}. "
                        + "Remove the row, or set PixelMaximum to the value of full intensity.");
                }

                _aboveOne |= value > 1;
                pixels[i] = (byte)MathF.Round(value * features.ToByteRange);
            }
        }

        /// <summary>Refuses pixels that run from 0 to 1. They would become 0 or 1 of 255, which gives black images and bad accuracy without an error.</summary>
        public override void CheckRange()
        {
            if (_read && !_aboveOne && features.PixelMaximum > 1)
            {
                throw new InvalidOperationException(
                    $"All pixels of column '{features.Name}' lie between 0 and 1, and PixelMaximum is {features.PixelMaximum}. "
                    + "Set PixelMaximum to 1 if 1 is full intensity.");
            }
        }
    }
}
