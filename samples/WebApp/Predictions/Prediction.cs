using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Microsoft.ML.Sla;

namespace WebApp;

/// <summary>What a model says of an image.</summary>
internal sealed record Prediction
{
    [Description("The most probable class.")]
    public required string Label { get; init; }

    [Description("Its probability.")]
    public required float Probability { get; init; }

    [Description("How far the prediction can be trusted, 0 to 1.")]
    public required float Confidence { get; init; }

    [Description("Whether the confidence is below the threshold: the image is probably of none of the classes, or hard to tell.")]
    public required bool IsRejected { get; init; }

    [Description("The confidence below which predictions are rejected; absent where the model has none.")]
    public float? Threshold { get; init; }

    [Description("The most probable classes, the most probable first.")]
    public required IReadOnlyList<ClassProbability> Top { get; init; }

    [Description("What each view of the image says by itself, if it was asked for. Absent where the model computes in 8 bits.")]
    public IReadOnlyList<ViewPrediction>? Views { get; init; }

    public static Prediction Of(SlaPrediction prediction, float? threshold, int top, IReadOnlyList<Transformation>? views) => new()
    {
        Label = prediction.Label,
        Probability = prediction.Probability,
        Confidence = prediction.Confidence,
        IsRejected = prediction.Confidence < threshold,
        Threshold = threshold,
        Top = prediction.Top(top),
        Views = views?.Select((view, number) => new ViewPrediction(view.Name, prediction.TopOfView(number, top))).ToArray(),
    };
}

/// <summary>What a view of an image says.</summary>
internal sealed record ViewPrediction(
    [property: Description("The transformation that makes the view, such as 90°.")] string View,
    [property: Description("The most probable classes, the most probable first.")] IReadOnlyList<ClassProbability> Top);

/// <summary>What a model says of one of several images, or why it says nothing.</summary>
internal sealed record BatchItem(Prediction? Prediction, ProblemDetails? Problem);
