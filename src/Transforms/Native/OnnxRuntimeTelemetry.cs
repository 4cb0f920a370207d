using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>
/// Switches off what ONNX Runtime records about a program: an id of the device and names of models and programs, in the user's cache folder, for
/// an upload. ONNX Runtime reads the environment variable when its library is loaded.
/// </summary>
internal static class OnnxRuntimeTelemetry
{
    private const string Variable = "ORT_DISABLE_TELEMETRY";

    /// <summary>Switches telemetry off, unless the environment says something else. With 0 ONNX Runtime records.</summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "It must be done before any program's first use of ONNX Runtime.")]
    internal static void SwitchOff()
    {
        if (NativeVariable.Read(Variable) is null)
            NativeVariable.Write(Variable, "1");
    }
}
