#region client
using System.Net.Http.Json;
#endregion

namespace Guides.WebApp;

internal static class WebAppGuide
{
    public static async Task<string> AskAsync(string address, string path)
    {
        #region client
        using var service = new HttpClient { BaseAddress = new Uri(address) };
        using var image = new ByteArrayContent(File.ReadAllBytes(path));
        image.Headers.ContentType = new("image/png");
        using var answer = await service.PostAsync("api/predict?top=3", image);
        answer.EnsureSuccessStatusCode();
        var prediction = await answer.Content.ReadFromJsonAsync<Prediction>();
        Console.WriteLine(prediction!.IsRejected ? "none of these" : prediction.Label);
        #endregion
        return prediction.Label;
    }

    #region client
    internal sealed record Prediction(string Label, float Confidence, bool IsRejected);
    #endregion
}
