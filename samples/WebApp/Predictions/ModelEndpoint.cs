using System.ComponentModel;
using Microsoft.ML.Sla;

namespace WebApp;

/// <summary>The route that says what the model is.</summary>
internal static class ModelEndpoint
{
    /// <summary>Width and height at which a page draws views.</summary>
    private const int DrawnSide = 56;

    public static void MapModel(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/model", Describe)
            .WithName("Model")
            .WithSummary("Says which classes and views the model has, or how far its training is.");
        routes.MapGet("/model/views", DescribeViews)
            .WithName("Views")
            .WithSummary("Says how the model's views are made of an image's pixels.")
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
    }

    private static ModelDescription Describe(ModelState state, IServiceProvider services)
    {
        if (!state.IsReady)
            return new ModelDescription { WhyNot = state.WhyNot, Progress = state.Progress };
        var predictor = services.GetRequiredService<SlaPredictorService>();
        return new ModelDescription
        {
            Classes = predictor.ClassNames,
            Views = [.. predictor.Transformations.Select(view => view.Name)],
            LoadedAt = predictor.LoadedAt,
        };
    }

    /// <summary>Views are the same at any size, except those that were made for one.</summary>
    private static ViewsDescription DescribeViews(ModelState state, IServiceProvider services)
    {
        state.Check();
        var predictor = services.GetRequiredService<SlaPredictorService>();
        var shape = new ImageShape(predictor.ImageShape.Channels, DrawnSide, DrawnSide);
        try
        {
            predictor.Transformations.Validate(shape);
        }
        catch (ArgumentException)
        {
            shape = predictor.ImageShape;
        }

        return new ViewsDescription(
            shape.Channels, shape.Height, shape.Width, [.. predictor.Transformations.Select(view => new ViewDescription(view.Name, view.GetPermutation(shape)))]);
    }

    /// <summary>How views are made.</summary>
    internal sealed record ViewsDescription(
        [property: Description("1 for grey, 3 for red, green and blue planes.")] int Channels,
        [property: Description("Height of the image that the indices are for.")] int Height,
        [property: Description("Its width.")] int Width,
        [property: Description("The views.")] IReadOnlyList<ViewDescription> Views);

    /// <summary>How a view is made.</summary>
    internal sealed record ViewDescription(
        [property: Description("The transformation.")] string Name,
        [property: Description("For each value of the view, plane by plane and row by row, the index of the image's value.")] IReadOnlyList<int> Indices);

    /// <summary>What the model is.</summary>
    internal sealed record ModelDescription
    {
        [Description("Why there is no model; absent where there is one.")]
        public string? WhyNot { get; init; }

        [Description("Share of the training that is done, 0 to 1; absent where nothing trains.")]
        public double? Progress { get; init; }

        [Description("Names of the classes.")]
        public IReadOnlyList<string> Classes { get; init; } = [];

        [Description("The transformations of an image that the network has learned.")]
        public IReadOnlyList<string> Views { get; init; } = [];

        [Description("When the model was loaded.")]
        public DateTimeOffset? LoadedAt { get; init; }
    }
}
