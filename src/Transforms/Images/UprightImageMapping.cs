using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.Sla.Images;

/// <summary>
/// The mapping of <see cref="SlaImagesCatalog.LoadUprightImages"/>, which ML.NET finds by its contract when it loads a
/// model.
/// </summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class UprightImageMapping : CustomMappingFactory<UprightImageMapping.Input, UprightImageMapping.Output>
{
    public const string Contract = "Microsoft.ML.Sla.UprightImages.WithLimit";
    public const string PathColumn = "Sla.ImagePath";
    public const string SideColumn = "Sla.DecodeSide";
    public const string LimitColumn = "Sla.PixelLimit";
    public const string ImageColumn = "Sla.UprightImage";

    public override Action<Input, Output> GetMapping() => (input, output) => output.Load(input.Path, input.Side, input.Limit);

    internal sealed class Input
    {
        [ColumnName(PathColumn)]
        public ReadOnlyMemory<char> Path { get; set; }

        [ColumnName(SideColumn)]
        public int Side { get; set; }

        [ColumnName(LimitColumn)]
        public long Limit { get; set; }
    }

    internal sealed class Output
    {
        [ColumnName(ImageColumn)]
        [AnySizeImageType]
        public MLImage? Image { get; set; }

        public void Load(ReadOnlyMemory<char> path, int decodeSide, long pixelLimit)
        {
            Release();
            Image = UprightImage.Load(path.ToString(), decodeSide, pixelLimit);
        }

        public void Decode(VBuffer<byte> file, int decodeSide, long pixelLimit)
        {
            Release();
            byte[]? dense = file.IsDense ? null : [.. file.DenseValues()];
            Image = UprightImage.Decode(dense ?? file.GetValues(), UprightImage.InMemory, decodeSide, pixelLimit);
        }

        /// <summary>
        /// A cursor has one output for all its rows. The image of the previous row is no longer used; ML.NET's own loader also disposes it.
        /// </summary>
        private void Release()
        {
            Image?.Dispose();
            Image = null;
        }
    }
}

/// <summary>The mapping in pipelines that version 0.1.0 saved, which have no limit.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class UprightImageMappingWithoutLimit : CustomMappingFactory<UprightImageMappingWithoutLimit.Input, UprightImageMapping.Output>
{
    public const string Contract = "Microsoft.ML.Sla.UprightImages";

    public override Action<Input, UprightImageMapping.Output> GetMapping() =>
        (input, output) => output.Load(input.Path, input.Side, PixelLimit.Default);

    internal sealed class Input
    {
        [ColumnName(UprightImageMapping.PathColumn)]
        public ReadOnlyMemory<char> Path { get; set; }

        [ColumnName(UprightImageMapping.SideColumn)]
        public int Side { get; set; }
    }
}
