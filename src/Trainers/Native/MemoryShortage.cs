using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>Tells exceptions of memory that there is not from others.</summary>
internal static class MemoryShortage
{
    /// <summary>What torch says of the memory of the machine and of a GPU, and of a size that no machine has.</summary>
    private static readonly string[] Complaints = ["can't allocate memory", "out of memory", "Storage size calculation overflowed"];

    /// <summary>What could not be allocated, in the words of torch or .NET; null where the exception is one of something else.</summary>
    public static string? In(Exception exception) => (exception is AggregateException ? exception.GetBaseException() : exception) switch
    {
        OutOfMemoryException shortage => shortage.Message,
        ExternalException torch when Array.Exists(Complaints, complaint => torch.Message.Contains(complaint, StringComparison.Ordinal)) => FirstSentence(torch.Message),
        _ => null,
    };

    /// <summary>Without where in its code torch found it: a check in brackets before, and calls in lines of their own after.</summary>
    private static string FirstSentence(string message)
    {
        string line = message.Split('\n')[0];
        int check = line.IndexOf("err == 0. ", StringComparison.Ordinal);
        return check < 0 ? line : line[(check + "err == 0. ".Length)..];
    }
}
