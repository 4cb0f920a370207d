using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Microsoft.ML.Sla.Tests;

/// <summary>
/// Serves a folder on this machine, as a browser runs no modules that are files. The address itself is a page of the test's own, which opens pages of
/// the folder and sends what it measures.
/// </summary>
internal sealed class SiteServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly TaskCompletionSource<string> _measured = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _folder;
    private readonly string _measuringPage;

    public SiteServer(string folder, string measuringPage)
    {
        _folder = folder;
        _measuringPage = measuringPage;
        Address = $"http://localhost:{FreePort()}/";
        _listener.Prefixes.Add(Address);
        _listener.Start();
        _ = ServeAsync();
    }

    public string Address { get; }

    /// <summary>What the page sent.</summary>
    public Task<string> Measured => _measured.Task;

    public void Dispose() => _listener.Close();

    private static int FreePort()
    {
        using var any = new TcpListener(IPAddress.Loopback, 0);
        any.Start();
        return ((IPEndPoint)any.LocalEndpoint).Port;
    }

    private static string TypeOf(string path) => Path.GetExtension(path) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript",
        ".css" => "text/css",
        ".json" => "application/json",
        ".svg" => "image/svg+xml",
        ".png" => "image/png",
        _ => "application/octet-stream",
    };

    private async Task ServeAsync()
    {
        try
        {
            while (_listener.IsListening)
                await AnswerAsync(await _listener.GetContextAsync());
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException or IOException)
        {
            // The test ended, or the browser did.
            _measured.TrySetException(exception);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var response = context.Response;
        if (context.Request.HttpMethod == "POST")
        {
            using var reader = new StreamReader(context.Request.InputStream);
            _measured.TrySetResult(await reader.ReadToEndAsync());
            return;
        }

        string path = context.Request.Url!.AbsolutePath.TrimStart('/');
        string file = Path.Combine(_folder, Uri.UnescapeDataString(path));
        response.ContentType = TypeOf(path.Length == 0 ? ".html" : path);
        if (path.Length == 0)
            await response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(_measuringPage));
        else if (File.Exists(file))
            await response.OutputStream.WriteAsync(await File.ReadAllBytesAsync(file));
        else
            response.StatusCode = (int)HttpStatusCode.NotFound;
    }
}
