using System.Runtime.ExceptionServices;

namespace Sla;

/// <summary>The exit codes of the program.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int BadInput = 1;
    public const int Failed = 2;
    public const int Cancelled = 130;
}

/// <summary>Something that the user gave cannot be used. The message says what to do.</summary>
internal sealed class InputException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The training failed. The message says how to continue it.</summary>
internal sealed class TrainingFailedException(string message, Exception cause) : Exception(message, cause);

/// <summary>What an exception means for the one who typed the command.</summary>
internal static class Failure
{
    public static int ExitCodeOf(Exception exception) => exception switch
    {
        OperationCanceledException => ExitCode.Cancelled,
        InputException or ArgumentException or InvalidDataException or FileNotFoundException or DirectoryNotFoundException => ExitCode.BadInput,
        _ => ExitCode.Failed,
    };

    /// <summary>One line in the words of the command line, without the notes on parameters that .NET adds.</summary>
    public static string MessageOf(Exception exception)
    {
        var cause = CauseOf(exception);
        string message = LineOf(cause);
        return cause is InputException or TrainingFailedException ? message : OptionNames.InMessage(message);
    }

    /// <summary>The same in the words of the exception.</summary>
    public static string LineOf(Exception exception)
    {
        int notes = exception.Message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return (notes < 0 ? exception.Message : exception.Message[..notes]).ReplaceLineEndings(" ");
    }

    /// <summary>Whether a training ended because its values were no longer numbers. To begin it again without a change would end in the same way.</summary>
    public static bool IsDivergence(Exception exception) => CauseOf(exception).Message.Contains("Lower LearningRate", StringComparison.Ordinal);

    /// <summary>What went wrong in work that ML.NET or .NET did on other threads, and wrapped.</summary>
    public static Exception CauseOf(Exception exception)
    {
        while (exception.InnerException is { } inner && (exception is AggregateException || IsWrapped(exception)))
            exception = inner;
        return exception;
    }

    private static bool IsWrapped(Exception exception) => exception is InvalidOperationException
        && (exception.Message.StartsWith("Splitter", StringComparison.Ordinal) || exception.Message.StartsWith("Event we were waiting on", StringComparison.Ordinal));

    /// <summary>Runs work that depends on the input alone, so that what the library refuses is something that the user gave.</summary>
    public static T AsInput<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception exception) when (exception is InvalidOperationException or AggregateException)
        {
            var cause = CauseOf(exception);
            if (cause is OperationCanceledException or OutOfMemoryException)
                ExceptionDispatchInfo.Throw(cause);
            throw new InputException(MessageOf(cause), exception);
        }
    }
}
