using Microsoft.ML.Data;
using Microsoft.ML.Trainers.LightGbm;
using Microsoft.ML.Transforms.Image;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Label augmentation for ML.NET's own trainers, on real images.</summary>
public sealed class PerViewTests : IClassFixture<PerViewTests.TrainedFixture>
{
    private const int Classes = 10;
    private const int Views = 4;

    private readonly TrainedFixture _trained;

    public PerViewTests(TrainedFixture trained) => _trained = trained;

    private static MLContext MLContext => TrainedFixture.MLContext;

    [Fact]
    public void LightGbm_learns_joint_labels_and_gains_from_aggregation()
    {
        var scored = _trained.Model.Transform(_trained.Test);
        double aggregated = MLContext.MulticlassClassification.Evaluate(scored).MicroAccuracy;
        double single = scored.GetColumn<float[]>("JointScore").Zip(scored.GetColumn<uint>("Label")).Average(row =>
        {
            float[] scores = [.. Enumerable.Range(0, Classes).Select(i => row.First[i * Views])];
            return Array.IndexOf(scores, scores.Max()) == (int)row.Second - 1 ? 1.0 : 0.0;
        });

        Assert.InRange(single, 0.6, 1);
        Assert.True(aggregated > single + 0.01, $"aggregated {aggregated}, single {single}");
    }

    [Fact]
    public void Score_is_the_normalised_geometric_mean_of_the_views()
    {
        var scored = _trained.Model.Transform(_trained.Test);
        foreach (var (joint, score) in scored.GetColumn<float[]>("JointScore").Zip(scored.GetColumn<float[]>("Score")))
        {
            double[] means = [.. Enumerable.Range(0, Classes).Select(i =>
                Math.Exp(Enumerable.Range(0, Views).Average(j => Math.Log(joint[(j * Classes * Views) + (i * Views) + j]))))];
            Assert.All(Enumerable.Range(0, Classes), i => Assert.Equal(means[i] / means.Sum(), score[i], 1e-5));
        }
    }

    [Fact]
    public void Each_view_is_scored_as_the_trained_model_scores_it_alone()
    {
        var augmented = MLContext.Transforms.AugmentLabels(TransformationSet.Rotation).Fit(_trained.Train);
        var rows = ViewRows.Of(MLContext.Data, augmented.Transform(_trained.Train), "Views", "JointLabel");
        var alone = TrainedFixture.LightGbm("JointLabel", "Views").Fit(rows);
        var expected = alone.Transform(ViewRows.Of(MLContext.Data, augmented.Transform(_trained.Test), "Views", "JointLabel"))
            .GetColumn<float[]>("Score").Chunk(Views).Select(views => views.SelectMany(scores => scores).ToArray());
        Assert.Equal(expected, _trained.Model.Transform(_trained.Test).GetColumn<float[]>("JointScore"));
    }

    [Fact]
    public void Saved_and_loaded_it_scores_the_same_by_ML_NET_alone_and_needs_no_label()
    {
        using var file = new MemoryStream();
        MLContext.Model.Save(_trained.Model, _trained.Train.Schema, file);
        file.Position = 0;
        var loaded = new MLContext().Model.Load(file, out _);
        var unlabelled = MLContext.Transforms.DropColumns("Label").Fit(_trained.Test).Transform(_trained.Test);
        var expected = _trained.Model.Transform(_trained.Test);
        var scored = loaded.Transform(unlabelled);
        Assert.Equal(expected.GetColumn<float[]>("Score"), scored.GetColumn<float[]>("Score"));
        Assert.Equal(expected.GetColumn<uint>("PredictedLabel"), scored.GetColumn<uint>("PredictedLabel"));
        Assert.DoesNotContain(scored.Schema, column => !column.IsHidden && column.Name.StartsWith("Sla.", StringComparison.Ordinal));

        using var engine = MLContext.Model.CreatePredictionEngine<Pixels, Prediction>(loaded);
        Assert.Equal(expected.GetColumn<float[]>("Score").First(), engine.Predict(new Pixels { Features = _trained.Test.GetColumn<float[]>("Features").First() }).Score);
    }

    [Fact]
    public void CrossValidate_and_announced_columns_work_as_with_any_pipeline()
    {
        var announced = TrainedFixture.Pipeline().GetOutputSchema(MLNetInternals.ShapeOf(_trained.Train.Schema));
        var fitted = MLNetInternals.ShapeOf(_trained.Model.GetOutputSchema(_trained.Train.Schema));
        Assert.All(fitted, column => Assert.Contains(announced, c => c.Name == column.Name && c.Kind == column.Kind && c.IsKey == column.IsKey));

        var folds = MLContext.MulticlassClassification.CrossValidate(_trained.Train, TrainedFixture.Pipeline(), numberOfFolds: 2);
        Assert.All(folds, fold => Assert.InRange(fold.Metrics.MicroAccuracy, 0.5, 1));
    }

    [Fact]
    public void Views_are_left_as_they_were()
    {
        var augmented = MLContext.Transforms.AugmentLabels(TransformationSet.Rotation).Fit(_trained.Train).Transform(_trained.Test);
        Assert.Equal(augmented.GetColumn<float[]>("Views"), _trained.Model.Transform(_trained.Test).GetColumn<float[]>("Views"));
    }

    [Fact]
    public void Logits_are_averaged()
    {
        // N = 2, M = 2: view 0 has logits (1, 9, 2, 9) for (0,0), (0,1), (1,0), (1,1); view 1 has (9, 3, 9, 8).
        var data = MLContext.Data.LoadFromEnumerable([new Logits { Class = "a" }, new Logits { Class = "b" }]);
        var keyed = MLContext.Transforms.Conversion.MapValueToKey("Label", "Class").Fit(data).Transform(data);
        var scored = MLContext.Transforms.AggregateViews(scoresAreLogits: true).Fit(keyed).Transform(keyed);
        double expected = 1 / (1 + Math.Exp(((2 + 8) / 2.0) - ((1 + 3) / 2.0)));
        Assert.Equal(expected, scored.GetColumn<float[]>("Score").First()[0], 1e-6);
        Assert.Equal(2u, scored.GetColumn<uint>("PredictedLabel").First());
    }

    [Fact]
    public void Columns_that_do_not_fit_are_named_with_the_remedy()
    {
        var trainers = MLContext.MulticlassClassification.Trainers;
        var augmented = MLContext.Transforms.AugmentLabels(TransformationSet.Rotation).Fit(_trained.Train).Transform(_trained.Train);
        Contains("Add mlContext.Transforms.AugmentLabels", () => trainers.PerView(TrainedFixture.LightGbm("JointLabel", "Views"), viewsColumnName: "Label").Fit(augmented));
        Contains("no column 'JointLabel'", () => trainers.PerView(TrainedFixture.LightGbm("JointLabel", "Views")).Fit(
            MLContext.Transforms.CopyColumns("Views", "Features").Fit(_trained.Train).Transform(_trained.Train)));
        Contains("no vector of scores", () => trainers.PerView(MLContext.Transforms.CopyColumns("Other", "Views")).Fit(augmented));
        Contains("needs M * 10 * M", () => MLContext.Transforms.AggregateViews(inputColumnName: "Features").Fit(augmented));
        Contains("no column 'JointScore'", () => MLContext.Transforms.AggregateViews().Fit(augmented));

        static void Contains(string expected, Action fit) => Assert.Contains(expected, Assert.Throws<ArgumentException>(fit).Message, StringComparison.Ordinal);
    }

    public sealed class TrainedFixture : IDisposable
    {
        public TrainedFixture()
        {
            var files = MLContext.Data.LoadFromEnumerable(FashionImages.Train(Classes, perClass: 60));
            var preparation = MLContext.Transforms.Conversion.MapValueToKey("Label")
                .Append(MLContext.Transforms.LoadImages("Image", "", "ImagePath"))
                .Append(MLContext.Transforms.ResizeImages("Image", 14, 14))
                .Append(MLContext.Transforms.ExtractPixels("Features", "Image", ImagePixelExtractingEstimator.ColorBits.Red))
                .Append(MLContext.Transforms.DropColumns("Image"))
                .Fit(files);
            Train = MLContext.Data.Cache(preparation.Transform(files));
            Test = MLContext.Data.Cache(preparation.Transform(MLContext.Data.LoadFromEnumerable(FashionImages.Test(Classes, 50))));
            Model = Pipeline().Fit(Train);
        }

        public static MLContext MLContext { get; } = new(seed: 1);

        public IDataView Train { get; }

        public IDataView Test { get; }

        public TransformerChain<ITransformer> Model { get; }

        public static EstimatorChain<ITransformer> Pipeline() => MLContext.Transforms.AugmentLabels(TransformationSet.Rotation)
            .Append(MLContext.MulticlassClassification.Trainers.PerView(LightGbm("JointLabel", "Views")))
            .Append(MLContext.Transforms.AggregateViews());

        public static LightGbmMulticlassTrainer LightGbm(string label, string features) =>
            MLContext.MulticlassClassification.Trainers.LightGbm(new LightGbmMulticlassTrainer.Options
            {
                LabelColumnName = label,
                FeatureColumnName = features,
                NumberOfIterations = 30,
                LearningRate = 0.1,
                Booster = new GradientBooster.Options { FeatureFraction = 0.1 },
                NumberOfLeaves = 8,
                MinimumExampleCountPerLeaf = 5,
                Seed = 1,
                NumberOfThreads = 1,
            });

        public void Dispose() => Model.Dispose();
    }

    private sealed class Pixels
    {
        [VectorType(1, 14, 14)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }

    private sealed class Logits
    {
        public string Class { get; set; } = "";

        [VectorType(8)]
        public float[] JointScore { get; set; } = [1, 9, 2, 9, 9, 3, 9, 8];
    }
}
