using System.IO.Hashing;
using System.Text;

namespace Microsoft.ML.Sla.Search;

/// <summary>JSON objects whose last member is a checksum of the text before it.</summary>
internal static class SealedJson
{
    private const string Member = ",\"checksum\":\"";
    private const string End = "\"}";
    private const int Digits = 32;

    /// <param name="json">An object with at least one member, on one line.</param>
    public static string Seal(string json)
    {
        string body = json[..^1];
        return body + Member + ChecksumOf(body) + End;
    }

    /// <summary>Whether the text matches its checksum.</summary>
    public static bool IsIntact(string text)
    {
        int length = text.Length - Member.Length - Digits - End.Length;
        return length > 0 && text.AsSpan(length).SequenceEqual(Member + ChecksumOf(text[..length]) + End);
    }

    private static string ChecksumOf(string text) => Convert.ToHexStringLower(XxHash128.Hash(Encoding.UTF8.GetBytes(text)));
}
