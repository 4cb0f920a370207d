using System.Text.Json;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>
/// The input and the outputs of a model: what scoring needs of its <see cref="ModelDescription"/>, read without the rest, which takes
/// 80 ms in a program that has just started, in place of 3.
/// </summary>
/// <param name="Features">The input column.</param>
/// <param name="ClassNames">The N classes.</param>
/// <param name="ScoreColumn">Name of the output of probabilities.</param>
/// <param name="ViewScoresColumn">Name of the output of the views' own probabilities; null for none.</param>
internal sealed record ModelSignature(FeatureColumn Features, string[] ClassNames, string ScoreColumn, string? ViewScoresColumn)
{
    /// <param name="json">What <see cref="NetworkDescription.ToJson"/> wrote.</param>
    public static ModelSignature FromJson(string json)
    {
        using var document = JsonDocument.Parse(json);
        var description = document.RootElement;
        var labels = Member(description, nameof(ModelDescription.Labels));
        return new ModelSignature(
            FeaturesOf(Member(description, nameof(ModelDescription.Features))),
            [.. Member(labels, nameof(ClassLabels.Names)).EnumerateArray().Select(name => name.GetString()!)],
            Text(description, nameof(ModelDescription.ScoreColumn))!,
            Text(description, nameof(ModelDescription.ViewScoresColumn)));
    }

    private static FeatureColumn FeaturesOf(JsonElement features)
    {
        var shape = Member(features, nameof(FeatureColumn.Shape));
        return new FeatureColumn(
            Text(features, nameof(FeatureColumn.Name))!,
            Enum.Parse<FeatureKind>(Text(features, nameof(FeatureColumn.Kind))!),
            new ImageShape(
                Member(shape, nameof(ImageShape.Channels)).GetInt32(), Member(shape, nameof(ImageShape.Height)).GetInt32(), Member(shape, nameof(ImageShape.Width)).GetInt32()),
            Enum.Parse<ImageResizingEstimator.ResizingKind>(Text(features, nameof(FeatureColumn.Resizing))!),
            Member(features, nameof(FeatureColumn.PixelMaximum)).GetSingle());
    }

    private static string? Text(JsonElement value, string name) => Member(value, name).GetString();

    private static JsonElement Member(JsonElement value, string name) => value.GetProperty(JsonNamingPolicy.CamelCase.ConvertName(name));
}
