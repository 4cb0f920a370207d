using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>Recognises exceptions that are caused by a lack of memory.</summary>
internal static class MemoryShortage
{
    /// <summary>Parts of torch's messages for the memory of the machine, for that of a GPU, and for a size that no machine has.</summary>
    private static readonly string[] Complaints = ["can't allocate memory", "out of memory", "Storage size calculation overflowed"];

    /// <summary>What could not be allocated, in the words of torch or .NET; null if the exception has another cause.</summary>
    public static string? In(Exception exception) => (exception is AggregateException ? exception.GetBaseException() : exception) switch
    {
        OutOfMemoryException shortage => shortage.Message,
        ExternalException torch when Array.Exists(Complaints, complaint => torch.Message.Contains(complaint, StringComparison.Ordinal)) => FirstSentence(torch.Message),
        _ => null,
    };

    /// <summary>The message without torch's code positions: a check in brackets at the beginning, and a stack trace on further lines.</summary>
    private static string FirstSentence(string message)
    {
        string line = message.Split('\n')[0];
        int check = line.IndexOf("err == 0. ", StringComparison.Ordinal);
        return check < 0 ? line : line[(check + "err == 0. ".Length)..];
    }
}
