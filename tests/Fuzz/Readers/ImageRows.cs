using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Fuzz.Seeds;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>A row with an image, under the name of column that a model asks for.</summary>
internal sealed class ImageRows(MLContext mlContext, Corpus corpus)
{
    private readonly Dictionary<string, IDataView> _rows = [];

    /// <summary>The row; null where the model scores vectors of pixels.</summary>
    public IDataView? For(FeatureColumn features)
    {
        if (features.Kind != FeatureKind.Image)
            return null;
        if (!_rows.TryGetValue(features.Name, out var row))
        {
            var paths = mlContext.Data.LoadFromEnumerable([new ImagePath { Path = corpus.PathOf(ImageSeeds.Photos, "dark-0.png") }]);
            row = mlContext.Transforms.LoadUprightImages(features.Name, nameof(ImagePath.Path), decodeSide: 2 * ImageSeeds.PhotoSide)
                .Fit(paths).Transform(paths);
            _rows.Clear();
            _rows.Add(features.Name, row);
        }

        return row;
    }

    private sealed class ImagePath
    {
        public required string Path { get; init; }
    }
}
