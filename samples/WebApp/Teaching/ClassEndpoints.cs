using System.ComponentModel;
using Microsoft.Extensions.Options;

namespace WebApp;

/// <summary>The routes that teach classes, and say which of them an image is of.</summary>
internal static class ClassEndpoints
{
    private const int LongestName = 100;

    public static void MapClasses(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/classes", (Teacher teacher, CancellationToken cancelled) => teacher.ListAsync(cancelled))
            .WithName("Classes")
            .WithSummary("Lists the classes that were taught.");
        routes.MapPost("/classes/{name}", TeachAsync)
            .WithName("Teach")
            .WithSummary("Teaches a class from a handful of images, or adds images to it.")
            .WithDescription("The body is a form with a file for each image. The program keeps an embedding of each image, and not the image.")
            .TakesImages()
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity)
            .Writes();
        routes.MapDelete("/classes/{name}", ForgetAsync)
            .WithName("Forget")
            .WithSummary("Forgets a class that was taught.")
            .ProducesProblem(StatusCodes.Status404NotFound)
            .Writes();
        routes.MapPost("/predict/taught", PredictAsync)
            .WithName("PredictTaught")
            .WithSummary("Says which of the classes that were taught an image is of.")
            .TakesImages()
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity);
    }

    private static void Writes(this RouteHandlerBuilder route) => route
        .AddEndpointFilter<WriteGuard>()
        .ProducesProblem(StatusCodes.Status401Unauthorized)
        .ProducesProblem(StatusCodes.Status403Forbidden);

    private static async Task<ClassSize> TeachAsync(
        [Description("The class.")] string name, HttpRequest request, Teacher teacher, IOptions<WebAppOptions> options, CancellationToken cancelled)
    {
        CheckName(name);
        return await teacher.TeachAsync(name, await ImageUpload.ReadManyAsync(request, options.Value, cancelled), cancelled);
    }

    private static async Task<IResult> ForgetAsync([Description("The class.")] string name, Teacher teacher, CancellationToken cancelled)
    {
        CheckName(name);
        await teacher.ForgetAsync(name, cancelled);
        return TypedResults.NoContent();
    }

    private static async Task<IReadOnlyList<TaughtProbability>> PredictAsync(
        HttpRequest request,
        Teacher teacher,
        IOptions<WebAppOptions> options,
        CancellationToken cancelled,
        [Description("How many classes the answer has, 1 or more.")] int top = PredictEndpoints.DefaultTop)
    {
        PredictEndpoints.CheckTop(top);
        return await teacher.PredictAsync(await ImageUpload.ReadOneAsync(request, options.Value, cancelled), top, cancelled);
    }

    /// <summary>A slash is the one character that a route leaves encoded.</summary>
    private static void CheckName(string name)
    {
        if (name.Length > LongestName || string.IsNullOrWhiteSpace(name) || name.Any(char.IsControl) || name.Contains("%2F", StringComparison.OrdinalIgnoreCase))
            throw Problem.BadArgument(nameof(name), $"A name has 1 to {LongestName} characters, and no control character or slash.");
    }
}
