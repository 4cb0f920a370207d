using Microsoft.ML.Data;
using Microsoft.ML.Sla.Chains;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Models that are disposed while other threads score with them, and models that are used afterwards.</summary>
public sealed class LifetimeTests : FolderTest
{
    private const int Rounds = 15;
    private const int Threads = 4;

    private readonly MLContext _mlContext = new(seed: 1);

    private string ModelPath => InFolder("model.zip");

    [Fact]
    public void The_last_user_releases_and_nobody_comes_in_after_the_end()
    {
        int releases = 0;
        var lifetime = new Lifetime(this, () => releases++);
        var first = lifetime.Enter();
        var second = lifetime.Enter();
        lifetime.Close();
        Assert.Throws<ObjectDisposedException>(() => lifetime.Enter());
        first.Dispose();
        lifetime.Close();
        Assert.Equal(0, releases);
        second.Dispose();
        Assert.Equal(1, releases);
        lifetime.Close();
        Assert.Equal(1, releases);
    }

    [Fact]
    public void A_predictor_disposed_while_threads_predict_gives_results_or_says_that_it_is_disposed()
    {
        ModelFile.Save(_mlContext, ModelPath);
        using var image = ModelFile.Image();
        using var whole = SlaPredictor.Load(ModelPath);
        var expected = whole.Predict(image).Score;
        DisposeInUse(() => SlaPredictor.Load(ModelPath), predictor => Assert.Equal(expected, predictor.Predict(image).Score));
    }

    [Fact]
    public async Task Files_that_a_predictor_is_at_when_it_is_disposed_are_all_predicted()
    {
        ModelFile.Save(_mlContext, ModelPath);
        string file = FashionImages.Test(classes: 1, perClass: 1)[0].ImagePath;
        var predictor = SlaPredictor.Load(ModelPath);
        predictor.Predict(file);
        var predictions = Task.Run(() => predictor.Predict(Enumerable.Repeat(file, 3000).ToList()), TestContext.Current.CancellationToken);
        await Task.Delay(20, TestContext.Current.CancellationToken);
        predictor.Dispose();
        Assert.Equal(3000, (await predictions).Count);
        Assert.Throws<ObjectDisposedException>(() => predictor.Predict(file));
    }

    [Fact]
    public void A_cursor_that_cannot_be_disposed_at_once_lets_the_model_go_in_the_end()
    {
        int releases = 0;
        var lifetime = new Lifetime(this, () => releases++);
        var view = new LeasedView(new StubbornView(_mlContext.Data.LoadFromEnumerable(new[] { new ModelFile.ImageRow() })), lifetime);
        var cursor = view.GetRowCursor([]);
        lifetime.Close();
        Assert.Throws<InvalidOperationException>(cursor.Dispose);
        Assert.Equal(1, releases);
        cursor.Dispose();
        Assert.Equal(1, releases);
    }

    [Fact]
    public void A_classifier_disposed_while_threads_score_gives_results_or_says_that_it_is_disposed()
    {
        var images = ModelFile.Images(_mlContext);
        using var whole = ModelFile.NewClassifier(_mlContext);
        var expected = Training.Scores(whole.Transform(images));
        DisposeInUse(() => ModelFile.NewClassifier(_mlContext), model => Assert.Equal(expected, Training.Scores(model.Transform(images))));
    }

    [Fact]
    public void Few_shot_models_disposed_while_threads_score_give_results_or_say_so()
    {
        var images = Training.Images(_mlContext, classes: 2, perClass: 4);
        using var embedding = Embedding(images);
        var expected = Embeddings(embedding);
        DisposeInUse(() => embedding.WithInference(SlaInference.Aggregated), model => Assert.Equal(expected, Embeddings(model)));

        var vectors = _mlContext.Data.Cache(embedding.Transform(images));
        var trainer = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding);
        using var classifier = trainer.Fit(vectors);
        var scores = Training.Scores(classifier.Transform(vectors));
        DisposeInUse(() => trainer.Fit(vectors), model => Assert.Equal(scores, Training.Scores(model.Transform(vectors))));

        float[][] Embeddings(SlaEmbeddingTransformer model) => [.. model.Transform(images).GetColumn<float[]>("Embedding")];
    }

    [Fact]
    public void Prediction_engines_of_a_disposed_model_give_results_or_say_so()
    {
        using var image = ModelFile.Image();
        DisposeInUse(
            () => ModelFile.NewClassifier(_mlContext),
            model =>
            {
                var options = new PredictionEngineOptions { OwnsTransformer = false };
                using var engine = _mlContext.Model.CreatePredictionEngine<ModelFile.ImageRow, Prediction>(model, options);
                for (int i = 0; i < 20; i++)
                    Assert.Equal(3, engine.Predict(new ModelFile.ImageRow { Image = image }).Score.Length);
            });
    }

    [Fact]
    public void After_Dispose_everything_says_that_it_is_disposed()
    {
        ModelFile.Save(_mlContext, ModelPath);
        using var image = ModelFile.Image();
        var images = ModelFile.Images(_mlContext);

        // One that was used, and one that never was.
        foreach (bool isUsed in new[] { true, false })
        {
            var predictor = SlaPredictor.Load(ModelPath);
            var model = ModelFile.NewClassifier(_mlContext);
            var scored = model.Transform(images);
            if (isUsed)
            {
                predictor.Predict(image);
                Training.Scores(scored);
            }

            for (int twice = 0; twice < 2; twice++)
            {
                predictor.Dispose();
                model.Dispose();
            }

            AssertDisposed(
                () => predictor.Predict(image),
                () => predictor.Predict("nothing.jpg"),
                () => predictor.Predict(Array.Empty<string>()),
                () => predictor.WithInference(SlaInference.Single),
                () => predictor.WithViewScores(),
                () => model.Transform(images),
                () => model.GetOutputSchema(images.Schema),
                () => model.GetRowToRowMapper(images.Schema),
                () => model.WithInference(SlaInference.Single),
                () => model.WithViewScores(),
                () => model.ToInt8(images),
                () => model.ExportOnnx(InFolder("model.onnx")),
                () => model.SaveOnnx(InFolder("model.onnx")),
                () => _mlContext.Model.Save(model, images.Schema, InFolder("again.zip")),
                () => Training.Scores(scored));
        }
    }

    [Fact]
    public void A_cursor_that_is_open_goes_on_and_then_lets_the_model_go()
    {
        var images = ModelFile.Images(_mlContext);
        var model = ModelFile.NewClassifier(_mlContext);
        string graph = model.OnnxPath;
        var scored = model.Transform(images);
        using (var cursor = scored.GetRowCursor([scored.Schema["Score"]]))
        {
            var getter = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
            model.Dispose();
            VBuffer<float> score = default;
            Assert.True(cursor.MoveNext());
            getter(ref score);
            Assert.Equal(1, score.DenseValues().Sum(), 4);
        }

        Assert.Throws<ObjectDisposedException>(() => scored.GetRowCursor([]));
        Assert.False(File.Exists(graph));
    }

    private static void AssertDisposed(params Action[] actions) => Assert.All(actions, action => Assert.Throws<ObjectDisposedException>(action));

    /// <summary>Threads use a model until it is disposed under them; each use is whole, or an ObjectDisposedException.</summary>
    private static void DisposeInUse<T>(Func<T> create, Action<T> use)
        where T : IDisposable
    {
        for (int round = 0; round < Rounds; round++)
        {
            var model = create();
            int uses = 0;
            var users = Enumerable.Range(0, Threads).Select(_ => Task.Run(() =>
            {
                try
                {
                    while (true)
                    {
                        use(model);
                        Interlocked.Increment(ref uses);
                    }
                }
                catch (ObjectDisposedException)
                {
                }
            })).ToArray();

            // Some rounds before the first use is done, and some among many.
            SpinWait.SpinUntil(() => Volatile.Read(ref uses) >= round % 4 * 3 || users.Any(user => user.IsCompleted), TimeSpan.FromSeconds(10));
            model.Dispose();
            Assert.True(Task.WaitAll(users, TimeSpan.FromSeconds(30)));
        }
    }

    private SlaEmbeddingTransformer Embedding(IDataView images) => _mlContext.MulticlassClassification.Trainers.SlaFewShot(Training.FewShotOptions()).Fit(images);

    /// <summary>A view whose cursors throw when they are disposed first.</summary>
    private sealed class StubbornView(IDataView view) : IDataView
    {
        public bool CanShuffle => view.CanShuffle;

        public DataViewSchema Schema => view.Schema;

        public long? GetRowCount() => view.GetRowCount();

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => new Cursor(view.GetRowCursor(columnsNeeded, rand));

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];

        private sealed class Cursor(DataViewRowCursor cursor) : DataViewRowCursor
        {
            private bool _hasThrown;

            public override long Position => cursor.Position;

            public override long Batch => cursor.Batch;

            public override DataViewSchema Schema => cursor.Schema;

            public override bool MoveNext() => cursor.MoveNext();

            public override bool IsColumnActive(DataViewSchema.Column column) => cursor.IsColumnActive(column);

            public override ValueGetter<DataViewRowId> GetIdGetter() => cursor.GetIdGetter();

            public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => cursor.GetGetter<TValue>(column);

            protected override void Dispose(bool disposing)
            {
                base.Dispose(disposing);
                if (!_hasThrown)
                {
                    _hasThrown = true;
                    throw new InvalidOperationException("A worker failed.");
                }

                cursor.Dispose();
            }
        }
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }
}
