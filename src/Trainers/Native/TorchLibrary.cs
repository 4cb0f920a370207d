using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.ML.Sla.Native;
using TorchSharp;

namespace Microsoft.ML.Sla;

/// <summary>Loads TorchSharp's native libraries, including on Linux systems older than the one they were built on.</summary>
/// <remarks>
/// The trainers call it themselves. A program that also uses TorchSharp in other ways, such as Microsoft.ML.TorchSharp, calls it first: on an older
/// Linux system TorchSharp alone throws a <see cref="DllNotFoundException"/>.
/// </remarks>
public static class TorchLibrary
{
    private const string LibTorch = "torch";
    private const string LibTorchSharp = "LibTorchSharp";

    private static readonly Lock Gate = new();
    private static volatile bool _isLoaded;

    /// <summary>
    /// Loads the libraries. Call it on each thread before the thread uses TorchSharp: it also prepares the thread for signals. Calls after the
    /// first one cost nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">A library cannot be loaded; the message says what to install.</exception>
    public static void EnsureLoaded()
    {
        SignalStack.Ensure();
        if (_isLoaded)
            return;

        lock (Gate)
        {
            if (!_isLoaded)
                Load();
            _isLoaded = true;
        }
    }

    /// <summary>The exception for libraries that do not load.</summary>
    internal static InvalidOperationException Explain(bool hasLibtorch, Exception reason) =>
        new(
            !hasLibtorch
                ? $"The application has no libtorch for {RuntimeInformation.RuntimeIdentifier}. "
                    + "Add the NuGet package TorchSharp-cpu (or TorchSharp-cuda-windows, TorchSharp-cuda-linux) to the application; "
                    + "it has libraries for Windows and Linux on x64 and for macOS on Apple silicon."
                : "The native libraries of TorchSharp do not load on this system, which must be Linux on x64 with glibc 2.34 and "
                    + "libstdc++ 11 or newer (such as Debian 12, Ubuntu 22.04, RHEL 9). If the reason below is a library that is not "
                    + "found, install the package that has it (libstdc++6 on Debian and Ubuntu, libstdc++ on RHEL). "
                    + $"The reason: {reason.Message}",
            reason);

    private static void Load()
    {
        if (OperatingSystem.IsLinux())
            LoadOnLinux(typeof(torch).Assembly);

        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
            OneDnn.MendCaches();
        }
        catch (Exception e) when (e is NotSupportedException or TypeInitializationException)
        {
            throw Explain(Find(LibTorch, typeof(torch).Assembly) is not null, e);
        }
    }

    [SupportedOSPlatform("linux")]
    private static void LoadOnLinux(Assembly torchSharp)
    {
        bool isLibtorchLoaded = false;
        try
        {
            using var setting = OpenMp.WaitAsleep();

            // libtorch is loaded first, because it may be in another folder than TorchSharp's library, and always is for a copy of that.
            NativeLibrary.Load(LibTorch, torchSharp, searchPath: null);
            isLibtorchLoaded = true;
            LoadTorchSharp(torchSharp);
        }
        catch (Exception e) when (e is DllNotFoundException or InvalidDataException or IOException)
        {
            throw Explain(isLibtorchLoaded || Find(LibTorch, torchSharp) is not null, e);
        }
    }

    [SupportedOSPlatform("linux")]
    private static void LoadTorchSharp(Assembly torchSharp)
    {
        try
        {
            NativeLibrary.Load(LibTorchSharp, torchSharp, searchPath: null);
        }
        catch (DllNotFoundException) when (Find(LibTorchSharp, torchSharp) is { } original)
        {
            LoadOriginalOrCopy(original);

            // The loader identifies a loaded library by the name written inside it, so TorchSharp's imports now find it.
            NativeLibrary.Load(LibTorchSharp, torchSharp, searchPath: null);
        }
    }

    [SupportedOSPlatform("linux")]
    private static void LoadOriginalOrCopy(string original)
    {
        try
        {
            NativeLibrary.Load(original);
        }
        catch (DllNotFoundException e) when (ElfPatcher.CanHelpWith(e.Message))
        {
            byte[]? patched = ElfPatcher.Patch(File.ReadAllBytes(original));
            if (patched is null)
                throw;
            LibraryCopy.Load(Path.GetFileName(original), patched);
        }
    }

    /// <summary>The file of one of the application's libraries; null if there is none.</summary>
    private static string? Find(string library, Assembly torchSharp)
    {
        string searched = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return searched.Split(Path.PathSeparator)
            .Append(AppContext.BaseDirectory)
            .Append(Path.GetDirectoryName(torchSharp.Location))
            .Append(NuGetPackage.FolderOf(torchSharp) is { } package ? Path.Combine(package, "runtimes", "linux-x64", "native") : null)
            .Where(directory => !string.IsNullOrEmpty(directory))
            .Select(directory => Path.Combine(directory!, $"lib{library}.so"))
            .FirstOrDefault(File.Exists);
    }
}
