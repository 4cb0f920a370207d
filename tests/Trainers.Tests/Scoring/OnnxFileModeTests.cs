using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Files that a program asks for, in contrast to temporary ones, have the modes that the user's mask gives.</summary>
public sealed class OnnxFileModeTests : FolderTest
{
    [Fact]
    public void An_ONNX_file_has_the_mode_of_any_new_file()
    {
        var mlContext = new MLContext(seed: 1);
        using var model = ModelFile.NewClassifier(mlContext);
        model.SaveOnnx(InFolder("model.onnx"));
        File.WriteAllText(InFolder("any"), "");
        if (!OperatingSystem.IsWindows())
            Assert.Equal(File.GetUnixFileMode(InFolder("any")), File.GetUnixFileMode(InFolder("model.onnx")));
    }
}
