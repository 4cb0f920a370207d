namespace Microsoft.ML.Sla.Tests.Native;

/// <summary>TorchSharp's own library for Linux, which is among the files of the tests on every system.</summary>
internal static class TorchSharpBinary
{
    public static string File => Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    public static byte[] Read() => System.IO.File.ReadAllBytes(File);
}
