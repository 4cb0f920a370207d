using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace WebApp;

/// <summary>The images of a request, in memory: nothing that a client sends is written to a disk here.</summary>
internal static class ImageUpload
{
    private const int BufferBytes = 64 * 1024;
    private const int LongestBoundary = 100;

    /// <summary>The only image of a request: its body, or the file of a form.</summary>
    /// <exception cref="ProblemException">There is none, there are several, or it is too large.</exception>
    public static async Task<byte[]> ReadOneAsync(HttpRequest request, WebAppOptions options, CancellationToken cancelled) =>
        await ReadAsync(request, mostImages: 1, options.ImageBytes, cancelled) is [var image] ? image : throw Problem.NoImage();

    /// <summary>The images of a request: the files of a form, or the body as one image.</summary>
    /// <exception cref="ProblemException">There is none, there are too many, or one is too large.</exception>
    public static async Task<IReadOnlyList<byte[]>> ReadManyAsync(HttpRequest request, WebAppOptions options, CancellationToken cancelled) =>
        await ReadAsync(request, options.ImagesPerRequest, options.ImageBytes, cancelled) is { Count: > 0 } images ? images : throw Problem.NoImage();

    private static async Task<IReadOnlyList<byte[]>> ReadAsync(HttpRequest request, int mostImages, int mostBytes, CancellationToken cancelled)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type))
            throw Problem.UnsupportedType(request.ContentType);
        if (type.Type.Equals("image", StringComparison.OrdinalIgnoreCase) || type.MediaType.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase))
            return await ReadAsync(request.Body, request.ContentLength, mostBytes, cancelled) is { Length: > 0 } body ? [body] : [];
        if (!type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            throw Problem.UnsupportedType(request.ContentType);

        string boundary = HeaderUtilities.RemoveQuotes(type.Boundary).ToString();
        if (boundary.Length is 0 or > LongestBoundary)
            throw Problem.BrokenForm("it has no boundary, or a very long one");
        return await ReadFilesAsync(new MultipartReader(boundary, request.Body), mostImages, mostBytes, cancelled);
    }

    private static async Task<IReadOnlyList<byte[]>> ReadFilesAsync(MultipartReader form, int mostImages, int mostBytes, CancellationToken cancelled)
    {
        List<byte[]> images = [];
        try
        {
            while (await form.ReadNextSectionAsync(cancelled) is { } section)
            {
                if (section.GetContentDispositionHeader()?.IsFileDisposition() != true)
                    continue;
                if (images.Count == mostImages)
                    throw Problem.TooManyImages(mostImages);
                images.Add(await ReadAsync(section.Body, length: null, mostBytes, cancelled));
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or (IOException and not BadHttpRequestException))
        {
            throw Problem.BrokenForm(exception.Message);
        }

        return images;
    }

    private static async Task<byte[]> ReadAsync(Stream stream, long? length, int mostBytes, CancellationToken cancelled)
    {
        if (length > mostBytes)
            throw Problem.TooLarge(mostBytes);

        using var bytes = new MemoryStream((int)(length ?? 0));
        byte[] buffer = new byte[BufferBytes];
        while (await stream.ReadAsync(buffer, cancelled) is > 0 and var count)
        {
            if (bytes.Length + count > mostBytes)
                throw Problem.TooLarge(mostBytes);
            bytes.Write(buffer, 0, count);
        }

        return bytes.ToArray();
    }
}
