using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace WebApp;

/// <summary>
/// Who may write: whoever has the key, from a page of this program or from no page. Where no key is set, only programs and browsers of this machine.
/// </summary>
internal sealed class WriteGuard(IOptions<WebAppOptions> options) : IEndpointFilter
{
    private const string KeyHeader = "X-Api-Key";

    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        Check(context.HttpContext);
        return next(context);
    }

    private void Check(HttpContext context)
    {
        if (IsOfOtherPage(context.Request))
            throw Problem.Forbidden("It comes from a page of another origin.");

        if (options.Value.ApiKey is { } key)
        {
            if (!IsSame(context.Request.Headers[KeyHeader].ToString(), key))
                throw Problem.Unauthorized();
        }
        else if (!IsOfThisMachine(context))
        {
            throw Problem.Forbidden("No key is set, so only this machine may write. Set the option WebApp:ApiKey, and send it in the header X-Api-Key.");
        }
    }

    /// <summary>Browsers say where a request comes from, and a page cannot change what they say.</summary>
    private static bool IsOfOtherPage(HttpRequest request)
    {
        string site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0)
            return site is not ("same-origin" or "none");
        string origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !(Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>A proxy on this machine hands on requests of others. A name that is made to point at this machine is not its own.</summary>
    private static bool IsOfThisMachine(HttpContext context)
    {
        var headers = context.Request.Headers;
        bool isHandedOn = headers.ContainsKey("Forwarded") || headers.Keys.Any(name => name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase));
        return !isHandedOn
            && context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
            && (context.Request.Host.Host == "localhost" || (IPAddress.TryParse(context.Request.Host.Host.Trim('[', ']'), out var host) && IPAddress.IsLoopback(host)));
    }

    /// <summary>Takes as long for any text.</summary>
    private static bool IsSame(string text, string key) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(text)), SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
