using System.Runtime.InteropServices;
using TorchSharp;
using Xunit;

namespace Microsoft.ML.Sla.Tests.Native;

/// <summary>What also runs where there is no temporary folder.</summary>
public sealed class PlainTorchTests
{
    [Fact]
    public void Torch_multiplies_matrices_once_it_is_loaded()
    {
        TorchLibrary.EnsureLoaded();

        using torch.Tensor ones = torch.ones(3, 3);
        using torch.Tensor product = ones.matmul(ones);
        using torch.Tensor entry = product[1, 2];
        Assert.Equal(3f, entry.item<float>());
    }
}

public sealed class TorchLibraryTests : FolderTest
{
    [Fact]
    public void Loading_from_many_threads_and_again_is_harmless()
    {
        Parallel.For(0, 8, _ => TorchLibrary.EnsureLoaded());

        TorchLibrary.EnsureLoaded();
    }

    [Fact]
    public async Task Processes_that_start_at_once_all_load_torch_and_leave_no_copy()
    {
        byte[] original = TorchSharpBinary.Read();
        await Task.WhenAll(LoadInProcess(Folder), LoadInProcess(Folder));

        Assert.Empty(Directory.GetFiles(Folder, "*", SearchOption.AllDirectories));
        Assert.Equal(original, TorchSharpBinary.Read());
    }

    [Fact]
    public Task Torch_loads_without_a_temporary_folder() => LoadInProcess(InFolder("missing"));

    [Fact]
    public void Without_libtorch_the_error_names_the_packages_to_add()
    {
        DllNotFoundException reason = new("torch");

        InvalidOperationException error = TorchLibrary.Explain(hasLibtorch: false, reason);

        Assert.Same(reason, error.InnerException);
        Assert.All(
            ["TorchSharp-cpu", "TorchSharp-cuda-windows", "TorchSharp-cuda-linux", RuntimeInformation.RuntimeIdentifier],
            name => Assert.Contains(name, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void With_a_libtorch_that_does_not_load_the_error_gives_the_reason_and_the_needs()
    {
        DllNotFoundException reason = new("libgcc_s.so.1: cannot open shared object file");

        InvalidOperationException error = TorchLibrary.Explain(hasLibtorch: true, reason);

        Assert.Same(reason, error.InnerException);
        Assert.All(
            [reason.Message, "glibc", "libstdc++6"],
            part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain("TorchSharp-cpu", error.Message, StringComparison.Ordinal);
    }

    private static Task LoadInProcess(string temporaryFolder) =>
        TestProcess.Run(typeof(PlainTorchTests), nameof(PlainTorchTests.Torch_multiplies_matrices_once_it_is_loaded), "TMPDIR", temporaryFolder);
}
