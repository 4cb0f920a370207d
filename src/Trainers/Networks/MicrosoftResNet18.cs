using System.Reflection;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The ResNet-18 of the package Microsoft.ML.DnnImageFeaturizer.ResNet18, and the mean image of its training: beside the program, where a build copies
/// them, or in the package, where a script runs it.</summary>
internal static class MicrosoftResNet18
{
    private const string Package = "Microsoft.ML.DnnImageFeaturizer.ResNet18";
    private const string Name = "ResNet-18 (Microsoft)";
    private const int Channels = 3;
    private const int Side = 224;

    /// <summary>Leaves pixels at 0 to 255.</summary>
    private static readonly PixelNormalization Bytes = new([0], [1f / 255]);

    /// <param name="embedding">What the embedding is made of.</param>
    /// <exception cref="FileNotFoundException">The program does not reference the package.</exception>
    /// <exception cref="InvalidDataException">A file of the package is damaged.</exception>
    public static OnnxNetwork Read(BackboneEmbedding embedding)
    {
        string network = PathOf("ResNet18Onnx", "ResNet18.onnx");
        string preprocessing = PathOf("ResNetPrepOnnx", "ResNetPreprocess.onnx");
        var mean = ParsedFile.Read(preprocessing, "the preprocessing of Microsoft's ResNet-18", () => Mean(ModelProto.Parser.ParseFrom(File.ReadAllBytes(preprocessing))));
        return OnnxBackboneFile.Read(network, new OnnxBackboneOptions { Normalization = Bytes, IsBlueFirst = true, Embedding = embedding }, Name).WithMeanImage(mean);
    }

    private static string PathOf(string folder, string file)
    {
        string inFolder = Path.Combine("DnnImageModels", folder, file), beside = Path.Combine(AppContext.BaseDirectory, inFolder);
        if (File.Exists(beside))
            return beside;
        if (FolderOfPackage() is { } package && Path.Combine(package, "tools", inFolder) is var inPackage && File.Exists(inPackage))
            return inPackage;
        throw new FileNotFoundException(
            $"There is no '{beside}', which Architecture.PretrainedResNet18 reads. Add the package {Package} to the program: dotnet add package {Package}. "
                + $"In a script of F#: #r \"nuget: {Package}\".", beside);
    }

    private static string? FolderOfPackage()
    {
        try
        {
            return NuGetPackage.FolderOf(Assembly.Load(Package));
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException)
        {
            return null;
        }
    }

    /// <summary>The mean image, red first: the file has blue first.</summary>
    private static MeanImage Mean(ModelProto model)
    {
        float[] blueFirst = model.Graph.Initializer.Single(tensor => tensor.Dims is [1, Channels, Side, Side]).ReadFloats();
        int pixels = Side * Side;
        return new MeanImage([.. blueFirst[(2 * pixels)..], .. blueFirst[pixels..(2 * pixels)], .. blueFirst[..pixels]], Channels, Side, Side);
    }
}
