using System.Globalization;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace WebApp;

/// <summary>Why a request is refused, as RFC 9457 has it. The type tells programs what people read in the detail.</summary>
internal static class Problem
{
    private const string TypePrefix = "urn:sla:problem:";

    public static ProblemException NoImage() =>
        New(StatusCodes.Status400BadRequest, "no-image", "The request has no image.", "Send the bytes of an image as the body, or as a file of a form.");

    public static ProblemException BrokenForm(string why) => New(StatusCodes.Status400BadRequest, "broken-form", "The form cannot be read.", $"The body is not a form: {why}.");

    public static ProblemException UnsupportedType(string? type) => New(
        StatusCodes.Status415UnsupportedMediaType,
        "unsupported-type",
        "The content type is not supported.",
        $"The content type is '{type}'. Send image/*, application/octet-stream or multipart/form-data.");

    public static ProblemException TooLarge(int bytes) => New(
        StatusCodes.Status413PayloadTooLarge, "too-large", "The image is too large.", string.Create(CultureInfo.InvariantCulture, $"An image has at most {bytes:N0} bytes."));

    public static ProblemException TooManyImages(int images) => New(
        StatusCodes.Status413PayloadTooLarge, "too-many-images", "There are too many images.", string.Create(CultureInfo.InvariantCulture, $"This request takes at most {images:N0} images."));

    /// <param name="exception">What is wrong with it.</param>
    /// <param name="number">Which of several it is, such as "2 of 5"; null for the only one.</param>
    public static ProblemException UnusableImage(InvalidDataException exception, string? number) => New(
        StatusCodes.Status422UnprocessableEntity, "unusable-image", number is null ? "This is not a usable image." : $"Image {number} is not usable.", exception.Message);

    public static ProblemException BadArgument(string name, string what) => New(StatusCodes.Status400BadRequest, "bad-argument", $"'{name}' is not usable.", what);

    public static ProblemException NotReady(string why) =>
        New(StatusCodes.Status503ServiceUnavailable, "not-ready", "There is no model yet.", why, retryAfter: TimeSpan.FromSeconds(5));

    public static ProblemException Busy() => New(
        StatusCodes.Status503ServiceUnavailable, "busy", "The service is busy.", "It has as many requests as it takes. Send this one again later.", retryAfter: TimeSpan.FromSeconds(1));

    public static ProblemException TooOften(TimeSpan retryAfter) =>
        New(StatusCodes.Status429TooManyRequests, "too-often", "There are too many requests of this client.", "Send fewer requests a second.", retryAfter);

    public static ProblemException Forbidden(string why) => New(StatusCodes.Status403Forbidden, "forbidden", "This request may not write.", why);

    public static ProblemException Unauthorized() =>
        New(StatusCodes.Status401Unauthorized, "unauthorized", "This route needs a key.", "Send the key of the option WebApp:ApiKey in the header X-Api-Key.");

    public static ProblemException NoSuchClass(string name) => New(StatusCodes.Status404NotFound, "no-such-class", "There is no such class.", $"No class '{name}' was taught.");

    public static ProblemException NothingTaught() =>
        New(StatusCodes.Status409Conflict, "nothing-taught", "No class was taught yet.", "Teach two classes or more, with POST /api/classes/NAME.");

    public static ProblemException TooManyClasses(int classes) => New(
        StatusCodes.Status409Conflict, "too-many-classes", "There are too many classes.", string.Create(CultureInfo.InvariantCulture, $"The option WebApp:Classes allows {classes:N0}. Remove one first."));

    public static ProblemException TooManyImagesOfClass(int images) => New(
        StatusCodes.Status409Conflict,
        "too-many-images-of-class",
        "The class has too many images.",
        string.Create(CultureInfo.InvariantCulture, $"The option WebApp:ImagesPerClass allows {images:N0}. Remove the class first, or send fewer."));

    public static ProblemException TeachingIsOff(string why) => New(StatusCodes.Status501NotImplemented, "teaching-is-off", "This service cannot be taught.", why);

    /// <summary>Says more where the server refused a request itself.</summary>
    public static void Complete(ProblemDetailsContext context)
    {
        if (context.ProblemDetails is { Status: StatusCodes.Status415UnsupportedMediaType, Detail: null } details)
        {
            var known = UnsupportedType(context.HttpContext.Request.ContentType).Details;
            (details.Type, details.Title, details.Detail) = (known.Type, known.Title, known.Detail);
        }
    }

    /// <summary>Answers with the details of a problem, and leaves all other exceptions to the server.</summary>
    public static async ValueTask<bool> TryAnswerAsync(HttpContext context, Exception exception)
    {
        var problem = exception switch
        {
            ProblemException refused => refused,
            BadHttpRequestException bad => New(bad.StatusCode, "bad-request", "The request cannot be read.", bad.Message),
            _ => null,
        };
        if (problem is null)
            return false;
        if (problem.RetryAfter is { } after)
            context.Response.Headers.RetryAfter = ((int)Math.Max(1, Math.Ceiling(after.TotalSeconds))).ToString(CultureInfo.InvariantCulture);
        await problem.Result.ExecuteAsync(context);
        return true;
    }

    private static ProblemException New(int status, string type, string title, string detail, TimeSpan? retryAfter = null) =>
        new(new ProblemDetails { Status = status, Type = TypePrefix + type, Title = title, Detail = detail }, retryAfter);
}

/// <summary>A request that is refused.</summary>
internal sealed class ProblemException(ProblemDetails details, TimeSpan? retryAfter) : Exception(details.Detail)
{
    public ProblemDetails Details { get; } = details;

    public TimeSpan? RetryAfter { get; } = retryAfter;

    public ProblemHttpResult Result => TypedResults.Problem(Details);
}

/// <summary>Answers refused requests.</summary>
internal sealed class ProblemHandler : IExceptionHandler
{
    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken) => Problem.TryAnswerAsync(httpContext, exception);
}
