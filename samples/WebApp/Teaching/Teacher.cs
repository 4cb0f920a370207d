using Microsoft.Extensions.Options;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace WebApp;

/// <summary>Learns classes from a handful of images each while the program runs, without training: an image is of the class whose mean embedding is nearest.</summary>
internal sealed class Teacher : IDisposable
{
    private const int Side = 224;
    private const string EmbeddingColumn = "Embedding";
    private const float SimilarityScale = 20;
    private const long Unknown = -1;

    /// <summary>More than the step of a file system's clock.</summary>
    private static readonly TimeSpan TimeOfChanges = TimeSpan.FromSeconds(1);

    private readonly WebAppOptions _options;
    private readonly Predictions _predictions;
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly Lazy<TransformerChain<SlaEmbeddingTransformer>> _embedding;
    private readonly TaughtClassFiles _files;
    private readonly SemaphoreSlim _changing = new(1);
    private readonly ReaderWriterLockSlim _using = new();
    private Dictionary<string, float[][]> _classes = [];
    private PrototypeTransformer? _classifier;
    private long _version = Unknown;

    public Teacher(IOptions<WebAppOptions> options, IHostEnvironment host, Predictions predictions, ILogger<Teacher> logger)
    {
        (_options, _predictions) = (options.Value, predictions);
        _embedding = new(LoadEmbedding);
        _files = new TaughtClassFiles(Path.Combine(_options.FullFolder(host.ContentRootPath), "classes"), $"ResNet-18, {Side} pixels", logger);
    }

    /// <summary>The classes, with the number of images of each.</summary>
    public async Task<IReadOnlyList<ClassSize>> ListAsync(CancellationToken cancelled)
    {
        await RefreshAsync(cancelled);
        return [.. _classes.Select(entry => new ClassSize(entry.Key, entry.Value.Length)).OrderBy(entry => entry.Name, StringComparer.Ordinal)];
    }

    /// <summary>Adds images to a class, which is new or known.</summary>
    /// <exception cref="ProblemException">An image is not usable, or there are too many.</exception>
    public async Task<ClassSize> TeachAsync(string name, IReadOnlyList<byte[]> images, CancellationToken cancelled)
    {
        var embeddings = new List<float[]>(images.Count);
        foreach (var (number, image) in images.Index())
            embeddings.Add(await _predictions.RunAsync(() => Embed(image), cancelled, images.Count > 1 ? $"{number + 1} of {images.Count}" : null));

        await _changing.WaitAsync(cancelled);
        try
        {
            Refresh();
            float[][] known = _classes.GetValueOrDefault(name, []);
            if (known.Length == 0 && _classes.Count == _options.Classes)
                throw Problem.TooManyClasses(_options.Classes);
            if (known.Length + embeddings.Count > _options.ImagesPerClass)
                throw Problem.TooManyImagesOfClass(_options.ImagesPerClass);

            float[][] all = [.. known, .. embeddings];
            _files.Write(name, all);
            Refresh();
            return new ClassSize(name, all.Length);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <exception cref="ProblemException">There is no such class.</exception>
    public async Task ForgetAsync(string name, CancellationToken cancelled)
    {
        await _changing.WaitAsync(cancelled);
        try
        {
            Refresh();
            if (!_classes.ContainsKey(name))
                throw Problem.NoSuchClass(name);
            _files.Delete(name);
            Refresh();
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>The most probable of the classes that were taught.</summary>
    /// <exception cref="ProblemException">Nothing was taught, or the image is not usable.</exception>
    public async Task<IReadOnlyList<TaughtProbability>> PredictAsync(byte[] image, int top, CancellationToken cancelled)
    {
        await RefreshAsync(cancelled);
        if (_classifier is null)
            throw Problem.NothingTaught();
        return await _predictions.RunAsync(() => Classify(Embed(image), top), cancelled);
    }

    public void Dispose()
    {
        _classifier?.Dispose();
        if (_embedding.IsValueCreated)
            _embedding.Value.Dispose();
        _changing.Dispose();
        _using.Dispose();
    }

    private TransformerChain<SlaEmbeddingTransformer> LoadEmbedding()
    {
        SlaEmbeddingTransformer embedding;
        try
        {
            embedding = SlaEmbeddingTransformer.FromBackbone(_mlContext, Architecture.PretrainedResNet18(), "Image", Side, TransformationSet.None);
        }
        catch (FileNotFoundException)
        {
            throw Problem.TeachingIsOff("The program has no pretrained network. Add the package Microsoft.ML.DnnImageFeaturizer.ResNet18 to its project.");
        }

        var rows = _mlContext.Data.LoadFromEnumerable(Array.Empty<ImageRow>());
        return _mlContext.Transforms.LoadUprightImages("Image", nameof(ImageRow.File), decodeSide: 2 * Side, pixelLimit: _options.PixelLimit).Fit(rows).Append(embedding);
    }

    /// <exception cref="InvalidDataException">The image is not usable.</exception>
    private float[] Embed(byte[] image)
    {
        var embedded = _embedding.Value.Transform(_mlContext.Data.LoadFromEnumerable([new ImageRow { File = image }]));
        try
        {
            return embedded.GetColumn<float[]>(EmbeddingColumn).Single();
        }
        catch (InvalidOperationException exception) when (exception.InnerException is InvalidDataException broken)
        {
            // ML.NET reads rows on other threads, and hands their exceptions on inside of another.
            throw new InvalidDataException(broken.Message, exception);
        }
    }

    private TaughtProbability[] Classify(float[] embedding, int top)
    {
        _using.EnterReadLock();
        try
        {
            if (_classifier is null)
                throw Problem.NothingTaught();
            var scored = _classifier.Transform(_mlContext.Data.LoadFromEnumerable([new EmbeddingRow { Embedding = embedding }], RowSchema(embedding.Length)));
            float[] probabilities = scored.GetColumn<float[]>("Score").Single();
            return [.. _classifier.ClassNames.Zip(probabilities, (name, probability) => new TaughtProbability(name, probability)).OrderByDescending(entry => entry.Probability).Take(top)];
        }
        finally
        {
            _using.ExitReadLock();
        }
    }

    private async Task RefreshAsync(CancellationToken cancelled)
    {
        if (_files.Version.Ticks == Volatile.Read(ref _version))
            return;
        await _changing.WaitAsync(cancelled);
        try
        {
            Refresh();
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Reads the classes again where the folder has changed, for example by another process that shares it.</summary>
    private void Refresh()
    {
        var version = _files.Version;
        if (version.Ticks == _version)
            return;
        var classes = _files.Read();
        var classifier = classes.Count == 0 ? null : Classifier(classes);
        _using.EnterWriteLock();
        try
        {
            _classifier?.Dispose();
            (_classifier, _classes) = (classifier, classes);
        }
        finally
        {
            _using.ExitWriteLock();
        }

        // A second change may have the time of the first, so a time that is new does not say that nothing has changed since.
        Volatile.Write(ref _version, DateTime.UtcNow - version > TimeOfChanges ? version.Ticks : Unknown);
    }

    private PrototypeTransformer Classifier(Dictionary<string, float[][]> classes)
    {
        var rows = _mlContext.Data.LoadFromEnumerable(
            classes.SelectMany(entry => entry.Value.Select(embedding => new EmbeddingRow { Label = entry.Key, Embedding = embedding })), RowSchema(classes.First().Value[0].Length));
        var labelled = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        return _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(new PrototypeClassifier.Options
        {
            EmbeddingColumnName = EmbeddingColumn,
            Similarity = PrototypeSimilarity.Cosine,
            Scale = SimilarityScale,
        }).Fit(labelled);
    }

    private static SchemaDefinition RowSchema(int size)
    {
        var schema = SchemaDefinition.Create(typeof(EmbeddingRow));
        schema[EmbeddingColumn].ColumnType = new VectorDataViewType(NumberDataViewType.Single, size);
        return schema;
    }

    private sealed class ImageRow
    {
        public byte[] File { get; set; } = [];
    }

    private sealed class EmbeddingRow
    {
        public string Label { get; set; } = "";

        public float[] Embedding { get; set; } = [];
    }
}

/// <summary>A class that was taught, and its probability.</summary>
internal sealed record TaughtProbability(string Label, float Probability);

/// <summary>A class that was taught, and the number of its images.</summary>
internal sealed record ClassSize(string Name, int Images);
