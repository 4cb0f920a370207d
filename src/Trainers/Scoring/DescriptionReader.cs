using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>Reads the JSON that <see cref="NetworkDescription.ToJson"/> writes.</summary>
internal static class DescriptionReader
{
    /// <exception cref="Exception">Of several types: the text is not such a description. Callers are behind <see cref="ParsedFile"/>.</exception>
    public static ModelDescription ReadModel(string text)
    {
        using var document = JsonDocument.Parse(text);
        var json = document.RootElement;
        return new ModelDescription(
            json.Member<SlaObjective>("objective"),
            Settings(json.Part("objectiveSettings")),
            ReadArchitecture(json.Part("architecture")),
            TransformationSet.FromJson(json.Part("transformations")),
            ReadFeatures(json.Part("features")),
            ReadNormalization(json.Part("normalization")),
            Labels(json.Part("labels")),
            json.ColumnName("scoreColumn"),
            json.ColumnName("predictedLabelColumn"),
            json.OptionalColumnName("viewScoresColumn"),
            json.Text("libraryVersion"),
            ReadHistory(json))
        {
            Int8Ranges = json.OptionalPart("int8Ranges") is null ? null : json.Singles("int8Ranges"),
            ConfidenceColumn = json.OptionalColumnName("confidenceColumn"),
            Calibrations = json.OptionalPart("calibrations") is null ? null : json.Items("calibrations", ReadCalibration),
        };
    }

    private static Calibration ReadCalibration(JsonElement json)
    {
        var errors = json.Part("errors");
        var calibration = new Calibration(
            json.Member<SlaInference>("inference"),
            json.Number("temperature"),
            json.OptionalPart("recognition") is null ? null : json.Single("recognition"),
            new ErrorCurve(errors.Singles("confidences"), errors.Ints("accepted"), errors.Ints("wrong")));
        calibration.Check();
        return calibration;
    }

    private static ObjectiveSettings Settings(JsonElement json)
    {
        var settings = new ObjectiveSettings(json.Number("temperature"), json.Number("beta"), json.Member<LossReduction>("lossReduction"), json.Number("labelSmoothing"));

        // Models saved before there was one to choose have none.
        if (json.OptionalPart("classificationLoss") is { } loss)
            settings = settings with { ClassificationLoss = Loss(loss) };
        if (json.OptionalPart("classWeighting") is { } weighting)
            settings = settings with { ClassWeighting = Weighting(weighting) };
        return settings;
    }

    private static ClassificationLoss Loss(JsonElement json) => Kind(json) switch
    {
        "crossEntropy" => ClassificationLoss.CrossEntropy,
        "focal" => ClassificationLoss.Focal(json.Number("gamma")),
        "ldam" => ClassificationLoss.Ldam(json.Number("largestMargin"), json.Number("scale")),
        var kind => throw Unknown(kind),
    };

    private static ClassWeighting Weighting(JsonElement json) => Kind(json) switch
    {
        "none" => ClassWeighting.None,
        "inverseFrequency" => ClassWeighting.InverseFrequency,
        "classBalanced" => ClassWeighting.ClassBalanced(json.Number("beta")),
        var kind => throw Unknown(kind),
    };

    public static Architecture ReadArchitecture(JsonElement json) => Kind(json) switch
    {
        "cifarResNet" => new CifarResNet(json.Int("depth"), json.Int("width")),
        "wideResNet" => new WideResNet(json.Int("depth"), json.Int("width")),
        "resNet" => new ResNet(json.Int("depth")),
        "convNet" => new ConvNet(json.Int("width")),
        "resNet12" => new ResNet12(json.Int("width")),
        "onnx" => new OnnxNetwork(
            json.Text("name"), json.Int("embeddingSize"), json.Text("input"), json.Text("embedding"), json.Part("graph").GetBytesFromBase64()),
        "custom" => new CustomNetwork(json.Text("name"), json.Int("embeddingSize"), Layer(json.Part("layers"))),
        var kind => throw Unknown(kind),
    };

    private static Layer Layer(JsonElement json) => Kind(json) switch
    {
        "sequence" => new Layer.Sequence(json.Items("steps", step => new Layer.Step(step.Text("name"), Layer(step.Part("layer"))))),
        "convolution" => new Layer.Convolution(
            json.Int("inChannels"), json.Int("outChannels"), json.Int("kernel"), json.Int("stride"), json.Int("padding"), json.Int("groups"), json.Flag("bias")),
        "batchNorm" => new Layer.BatchNorm(json.Int("channels"), json.Number("epsilon")),
        "relu" => new Layer.Relu(json.OptionalNumber("negativeSlope") ?? 0),
        "residual" => new Layer.Residual(
            Layer(json.Part("body")), json.OptionalPart("shortcut") is { } shortcut ? Layer(shortcut) : null, json.Flag("endsWithRelu")),
        "strideAndPad" => new Layer.StrideAndPad(json.Int("stride"), json.Int("extraChannels")),
        "maxPool" => new Layer.MaxPool(json.Int("kernel"), json.Int("stride"), json.Int("padding")),
        "averagePool" => new Layer.AveragePool(json.Int("kernel"), json.Int("stride"), json.Int("padding")),
        "globalAveragePool" => new Layer.GlobalAveragePool(json.Flag("keepsSides")),
        "flatten" => new Layer.Flatten(),
        "linear" => new Layer.Linear(json.Int("inputs"), json.Int("outputs"), json.Flag("bias")),
        var kind => throw Unknown(kind),
    };

    public static FeatureColumn ReadFeatures(JsonElement json)
    {
        var shape = json.Part("shape");
        return new FeatureColumn(
            json.ColumnName("name"),
            json.Member<FeatureKind>("kind"),
            new ImageShape(shape.Int("channels"), shape.Int("height"), shape.Int("width")),
            json.Member<ImageResizingEstimator.ResizingKind>("resizing"),
            json.Single("pixelMaximum"));
    }

    public static PixelNormalization ReadNormalization(JsonElement json) =>
        new(json.Singles("mean"), json.Singles("standardDeviation"));

    private static ClassLabels Labels(JsonElement json) => new(json.ColumnName("columnName"), json.Member<DataKind>("valueKind"), json.Items("names", name => name.AsText()));

    public static TrainingHistory? ReadHistory(JsonElement description) => description.OptionalPart("history") is not { } json ? null : new TrainingHistory
    {
        Seed = json.Int("seed"),
        Images = json.Int("images"),
        ValidationImages = json.Int("validationImages"),
        UnreadableImages = json.Int("unreadableImages"),
        Epochs = json.Items("epochs", Epoch),
        BestEpoch = json.OptionalPart("bestEpoch")?.GetInt32(),
        StoppedEarly = json.Flag("stoppedEarly"),
    };

    private static EpochMetrics Epoch(JsonElement json) => new()
    {
        Epoch = json.Int("epoch"),
        Step = json.Part("step").GetInt64(),
        Loss = json.Number("loss"),
        LearningRate = json.Number("learningRate"),
        ValidationAccuracy = json.OptionalNumber("validationAccuracy"),
        ValidationLoss = json.OptionalNumber("validationLoss"),
        TrainingAccuracy = json.OptionalNumber("trainingAccuracy"),
    };

    private static string Kind(JsonElement json) => json.Text("$type");

    private static JsonException Unknown(string kind) => new($"'{kind}' is not known to this version of the library.");
}
