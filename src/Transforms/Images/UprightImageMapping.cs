using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.Sla.Images;

/// <summary>The mapping of <see cref="ImagesCatalog.LoadUprightImages"/>, which ML.NET finds by its contract when it loads a model.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class UprightImageMapping : CustomMappingFactory<UprightImageMapping.Input, UprightImageMapping.Output>
{
    public const string Contract = "Microsoft.ML.Sla.UprightImages";
    public const string PathColumn = "Sla.ImagePath";
    public const string SideColumn = "Sla.DecodeSide";
    public const string ImageColumn = "Sla.UprightImage";

    /// <summary>The side that stands for none.</summary>
    public const int FullSize = int.MaxValue;

    public override Action<Input, Output> GetMapping() => (input, output) =>
    {
        // A cursor has one output for all its rows; the image of the row before is no longer used, as with ML.NET's own loader.
        output.Image?.Dispose();
        output.Image = null;
        output.Image = UprightImage.Load(input.Path.ToString(), input.Side);
    };

    internal sealed class Input
    {
        [ColumnName(PathColumn)]
        public ReadOnlyMemory<char> Path { get; set; }

        [ColumnName(SideColumn)]
        public int Side { get; set; }
    }

    internal sealed class Output
    {
        [ColumnName(ImageColumn)]
        [AnySizeImageType]
        public MLImage? Image { get; set; }
    }
}
