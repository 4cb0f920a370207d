using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Chains;

/// <summary>
/// Gives ML.NET's transformers copies of images. ResizeImages and ExtractPixels dispose the images that they read, even those that the caller
/// holds in memory.
/// </summary>
/// <param name="environment">ML.NET's environment.</param>
/// <param name="features">The column of images.</param>
internal sealed class OwnedImages(IHostEnvironment environment, FeatureColumn features)
{
    private const string CallersColumn = "Sla.CallersImage";

    /// <summary>The images of a column of images; null for a column of vectors.</summary>
    public static OwnedImages? Of(IHostEnvironment environment, FeatureColumn features) =>
        features.Kind == FeatureKind.Image ? new OwnedImages(environment, features) : null;

    /// <summary>Puts steps around the chain that copy the image in the feature column before it and restore the caller's image after it.</summary>
    public TransformerChain<ITransformer> Around(TransformerChain<ITransformer> chain)
    {
        var transforms = MLNetInternals.Transforms(environment);
        var empty = features.Empty(environment);
        var keep = transforms.CopyColumns(CallersColumn, features.Name).Fit(empty);
        var kept = keep.Transform(empty);
        var own = transforms.CustomMapping<Row, Row>(MakeOwn, contractName: null, Column(), Column()).Fit(kept);
        var scored = chain.Transform(own.Transform(kept));
        var putBack = transforms.CopyColumns(features.Name, CallersColumn).Fit(scored);
        var forget = transforms.DropColumns(CallersColumn).Fit(putBack.Transform(scored));
        return new TransformerChain<ITransformer>(keep, own, chain, putBack, forget);
    }

    /// <summary>Registers the type of a column with ML.NET's mappings, which look it up by the size of its images.</summary>
    public void Accept(DataViewSchema schema)
    {
        if (schema.GetColumnOrNull(features.Name)?.Type is ImageDataViewType { Height: > 0, Width: > 0 } sized)
            new ImageTypeAttribute(sized.Height, sized.Width).Register();
    }

    private void MakeOwn(Row input, Row output)
    {
        output.Image?.Dispose();
        output.Image = input.Image is null ? null : features.ResizedCopy(input.Image);
    }

    private SchemaDefinition Column()
    {
        var definition = SchemaDefinition.Create(typeof(Row));
        definition[0].ColumnName = features.Name;
        return definition;
    }

    private sealed class Row
    {
        [AnySizeImageType]
        public MLImage? Image { get; set; }
    }
}
