using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>What is around the model: from files to images, and from the predicted key to the name of the class.</summary>
internal static class Pipeline
{
    public const string ImageColumn = "Image";
    private const string PathColumn = nameof(ImageFile.ImagePath);

    /// <summary>The images of a view of files as a person sees them, upright, at a size that is enough for the network.</summary>
    public static IDataView Load(MLContext mlContext, IDataView files, string column, int side) =>
        mlContext.Transforms.LoadUprightImages(column, PathColumn, decodeSide: 2 * side).Fit(files).Transform(files);

    /// <summary>Decodes image files one by one, in order. An image is there until the next is decoded.</summary>
    public static IEnumerable<(string Path, MLImage? Image, Exception? Failure)> Decode(IReadOnlyList<string> paths, int side)
    {
        var mlContext = new MLContext();
        var images = Load(mlContext, mlContext.Data.LoadFromEnumerable(paths.Select(path => new ImageFile { ImagePath = path })), ImageColumn, side);
        using var cursor = images.GetRowCursor([images.Schema[ImageColumn]]);
        var getImage = cursor.GetGetter<MLImage>(images.Schema[ImageColumn]);
        MLImage image = null!;
        while (cursor.MoveNext())
        {
            Exception? failure = null;
            try
            {
                getImage(ref image);
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                failure = exception;
            }

            yield return (paths[(int)cursor.Position], failure is null ? image : null, failure);
        }
    }

    /// <summary>The images of a set, loaded as <see cref="Load"/> does, with their labels as keys in the order of the classes.</summary>
    public static IDataView LoadLabelled(MLContext mlContext, ImageSet set, IEnumerable<string> classes, string column, int side)
    {
        var files = mlContext.Data.LoadFromEnumerable(set.Images);
        var order = mlContext.Data.LoadFromEnumerable(classes.Select(name => new ClassName { Name = name }));
        return Load(mlContext, mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: order).Fit(files).Transform(files), column, side);
    }

    /// <summary>Saves a model that goes from the path of a file to the name of a class with ML.NET's own steps, so that any program can load it.</summary>
    public static void Save(MLContext mlContext, SlaTransformer model, Stream stream)
    {
        var files = mlContext.Data.LoadFromEnumerable(Array.Empty<ImageFile>());
        var loading = mlContext.Transforms.LoadImages(ImageColumn, imageFolder: "", PathColumn).Fit(files);
        var naming = mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel").Fit(model.Transform(loading.Transform(files)));
        mlContext.Model.Save(new TransformerChain<ITransformer>(loading, model, naming), files.Schema, stream);
    }

    /// <summary>Opens the SLA model in a file.</summary>
    /// <exception cref="InputException">It is not there, or none.</exception>
    public static SlaTransformer Open(MLContext mlContext, string path, SlaInference? inference)
    {
        CheckThereIs(path);
        var model = SlaTransformer.Load(mlContext, path);
        if (inference is null || inference == model.Inference)
            return model;
        using (model)
        {
            CheckDefines(model.Objective, model.Inferences, inference.Value);
            return model.WithInference(inference.Value);
        }
    }

    /// <summary>Opens the SLA model in a file to predict with it, which takes much less time.</summary>
    /// <exception cref="InputException">It is not there, or none.</exception>
    public static SlaPredictor OpenPredictor(string path, SlaInference? inference)
    {
        CheckThereIs(path);
        var model = SlaPredictor.Load(path);
        if (inference is null || inference == model.Inference)
            return model;
        using (model)
        {
            CheckDefines(model.Objective, model.Inferences, inference.Value);
            return model.WithInference(inference.Value);
        }
    }

    private static void CheckThereIs(string path)
    {
        if (Directory.Exists(path))
            throw new InputException($"'{path}' is a folder. Give the file of a model.");
        if (!File.Exists(path))
            throw new InputException($"There is no model '{path}'. Make one with 'sla train'.");
    }

    private static void CheckDefines(SlaObjective objective, IReadOnlyList<SlaInference> inferences, SlaInference inference)
    {
        if (!inferences.Contains(inference))
            throw new InputException($"The model has no inference {inference}. Its objective {objective} defines {string.Join(", ", inferences)}.");
    }

    private sealed class ClassName
    {
        public string Name { get; set; } = "";
    }
}
