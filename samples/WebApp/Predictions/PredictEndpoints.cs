using System.ComponentModel;
using Microsoft.Extensions.Options;

namespace WebApp;

/// <summary>The routes that say what an image is.</summary>
internal static class PredictEndpoints
{
    public const int DefaultTop = 5;

    public static void MapPredictions(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/predict", PredictAsync)
            .WithName("Predict")
            .WithSummary("Says what an image is.")
            .WithDescription("The body is the image, or a form with it as the only file.")
            .TakesImages()
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        routes.MapPost("/predict/batch", PredictAllAsync)
            .WithName("PredictBatch")
            .WithSummary("Says what several images are.")
            .WithDescription("The body is a form with a file for each image. The answer has a prediction or a problem for each, in the order of the files.")
            .TakesImages();
    }

    /// <summary>Says in the API's description what the bodies and the problems of a route are.</summary>
    public static RouteHandlerBuilder TakesImages(this RouteHandlerBuilder route) => route
        .Accepts<IFormFile>("multipart/form-data", "image/jpeg", "image/png", "image/webp", "application/octet-stream")
        .ProducesProblem(StatusCodes.Status400BadRequest)
        .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
        .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
        .ProducesProblem(StatusCodes.Status429TooManyRequests)
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable);

    private static async Task<Prediction> PredictAsync(
        HttpRequest request,
        Predictions predictions,
        IOptions<WebAppOptions> options,
        CancellationToken cancelled,
        [Description("How many classes the answer has, 1 or more.")] int top = DefaultTop,
        [Description("Whether the answer has what each view says by itself.")] bool views = false)
    {
        CheckTop(top);
        byte[] image = await ImageUpload.ReadOneAsync(request, options.Value, cancelled);
        return await predictions.PredictAsync(image, top, views, cancelled);
    }

    private static async Task<IReadOnlyList<BatchItem>> PredictAllAsync(
        HttpRequest request,
        Predictions predictions,
        IOptions<WebAppOptions> options,
        CancellationToken cancelled,
        [Description("How many classes an answer has, 1 or more.")] int top = DefaultTop)
    {
        CheckTop(top);
        var images = await ImageUpload.ReadManyAsync(request, options.Value, cancelled);
        return await predictions.PredictAllAsync(images, top, cancelled);
    }

    public static void CheckTop(int top)
    {
        if (top < 1)
            throw Problem.BadArgument(nameof(top), $"It is {top}, and must be 1 or more.");
    }
}
