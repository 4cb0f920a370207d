using System.IO.Compression;
using Microsoft.Extensions.Options;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace WebApp;

/// <summary>Trains a model on the quick start's images where none is there, while the program already answers.</summary>
internal sealed partial class FirstModel(IOptions<WebAppOptions> options, IHostEnvironment host, ModelState state, IServiceProvider services, ILogger<FirstModel> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var (path, isOwn) = options.Value.Model(host.ContentRootPath);
        try
        {
            if (isOwn && !File.Exists(path))
                await Task.Run(() => Train(path, stoppingToken), stoppingToken);

            // The first resolution loads it.
            await Task.Run(services.GetRequiredService<SlaPredictorService>, stoppingToken);
            state.BeReady();
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            state.Fail("The service is stopping.");
        }
        catch (Exception exception)
        {
            LogFailure(exception);
            state.Fail("There is no model, because its training or loading failed. The service's log says why.");
        }
    }

    private void Train(string path, CancellationToken stopping)
    {
        LogTraining(path);
        state.Train(0);
        string folder = Path.GetDirectoryName(path)!;
        string images = Path.Combine(folder, "images");
        ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist.zip"), images, overwriteFiles: true);

        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(Directory.GetFiles(Path.Combine(images, "train"), "*.png", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(file => new LabelledFile(file, Path.GetFileName(Path.GetDirectoryName(file))!)));
        var labelled = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(files).Transform(files);
        var loading = mlContext.Transforms.LoadImages("Image", imageFolder: "", nameof(LabelledFile.ImagePath)).Fit(labelled);
        using var model = mlContext.MulticlassClassification.Trainers.Sla(Options(stopping)).Fit(loading.Transform(labelled));

        // Whole or not at all: another process may look for it.
        string part = $"{path}.{Environment.ProcessId}";
        mlContext.Model.Save(new TransformerChain<ITransformer>(loading, model), files.Schema, part);
        File.Move(part, path, overwrite: true);
        Directory.Delete(images, recursive: true);
    }

    private SlaTrainer.Options Options(CancellationToken stopping) => new()
    {
        FeatureColumnName = "Image",
        Channels = 1,
        TrainingTime = options.Value.TrainingTime,
        BatchSize = 64,
        LearningRate = 0.1,
        LearningRateSchedule = LearningRateSchedule.OneCycle,
        WeightDecay = 5e-4,
        Augmentations = [ImageAugmentation.RandomCrop(2), ImageAugmentation.HorizontalFlip()],
        ValidationSetFraction = 0.2f,           // it says which confidence to reject at
        MetricsCallback = progress => state.Train((double)progress.Step / progress.Steps),
        CancellationToken = stopping,
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "There is no model: training one on the quick start's images, to {Path}")]
    private partial void LogTraining(string path);

    [LoggerMessage(Level = LogLevel.Error, Message = "There is no model")]
    private partial void LogFailure(Exception exception);

    private sealed record LabelledFile(string ImagePath, string Label);
}
