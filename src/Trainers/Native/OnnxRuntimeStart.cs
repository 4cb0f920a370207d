using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>What is done before this assembly uses ONNX Runtime for the first time.</summary>
internal static class OnnxRuntimeStart
{
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "It must be done before any program's first use of ONNX Runtime.")]
    internal static void SwitchTelemetryOff() => OnnxRuntimeTelemetry.SwitchOff();
}
