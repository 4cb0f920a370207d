using System.Globalization;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Faults;

/// <summary>The process that a fault happens to: it runs one of <see cref="TinyRun.Kinds"/>, and says what came of it.</summary>
internal static class Child
{
    public const string Verb = "run";
    public const string Started = "started";
    public const string Warning = "warning ";
    public const string Model = "model ";
    public const string Error = "error ";

    /// <summary>The environment variable that gives the process numbers with decimal commas.</summary>
    public const string CommasVariable = "SLA_FAULTS_COMMAS";

    private const int ExceptionCode = 3;

    /// <param name="kind">The kind of run.</param>
    /// <param name="folder">Its folder; empty for none.</param>
    /// <param name="pause">See <see cref="TinyRun.Run"/>.</param>
    public static int Run(string kind, string folder, int pause)
    {
        if (Environment.GetEnvironmentVariable(CommasVariable) is not null)
        {
            var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            (culture.NumberFormat.NumberDecimalSeparator, culture.NumberFormat.NumberGroupSeparator, culture.NumberFormat.NegativeSign) = (",", ".", "\u2212");
            CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = culture;
        }

        using var cancellation = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            Console.Out.WriteLine(Model + TinyRun.Run(kind, folder.Length == 0 ? null : folder, pause, cancellation.Token));
            return 0;
        }
        catch (Exception exception)
        {
            Console.Out.WriteLine($"{Error}{exception.GetType().Name} {exception.Message.ReplaceLineEndings(" ")}");
            return ExceptionCode;
        }

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            cancellation.Cancel();
        }
    }
}
