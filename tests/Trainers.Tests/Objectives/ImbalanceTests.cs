using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What is set against uneven classes: weights, margins, sampling, and all that a model with normalised heads goes through.</summary>
public sealed class ImbalanceTests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    public static TheoryData<string, double[]> Weightings => new()
    {
        // Of classes of 1, 2, 0 and 3 images: 1, 1/2 and 1/3, over their mean of 11/18; 1, 2/3 and 4/7, over their mean of 47/63.
        { "none", [1, 1, 0, 1] },
        { "inverse", [18.0 / 11, 9.0 / 11, 0, 6.0 / 11] },
        { "balanced, beta 0", [1, 1, 0, 1] },
        { "balanced, beta 0.5", [63.0 / 47, 42.0 / 47, 0, 36.0 / 47] },
    };

    [Theory]
    [MemberData(nameof(Weightings))]
    public void Weights_are_those_computed_by_hand(string name, double[] expected)
    {
        var weighting = name switch
        {
            "none" => ClassWeighting.None,
            "inverse" => ClassWeighting.InverseFrequency,
            "balanced, beta 0" => ClassWeighting.ClassBalanced(0),
            _ => ClassWeighting.ClassBalanced(0.5),
        };
        AssertClose(expected, weighting.Weights([1, 2, 0, 3]));
    }

    [Fact]
    public void Class_balanced_weights_of_a_hundredfold_class_are_seventy_nine_fold()
    {
        // n of 5,000 and 50 and beta of 0.9999: (1 - 0.9999^5000) / (1 - 0.9999^50) = 0.393484... / 0.00498777...
        double[] weights = ClassWeighting.ClassBalanced().Weights([5000, 50]);
        Assert.Equal(78.8898, weights[1] / weights[0], 1e-3);
        Assert.Equal(1, weights.Average(), 1e-12);
    }

    [Fact]
    public void Margins_are_those_computed_by_hand() =>
        AssertClose([0.25, 0.5, 0, 0.5 / 3], new LdamLoss(largestMargin: 0.5, scale: 30).Margins([16, 1, 0, 81]));

    [Fact]
    public void A_balanced_epoch_is_as_long_and_has_all_classes_equally_often_each_without_replacement() =>
        Gen.Select(Gen.Int[1, 40].Array[2, 8], Gen.Int[0, 1000], Gen.Int[1, 100]).Sample(
            (counts, seed, epoch) =>
            {
                int[] labels = [.. counts.SelectMany((count, label) => Enumerable.Repeat(label, count))];
                int[] rows = [.. Enumerable.Range(0, labels.Length).Select(i => 3 * i)];
                int Label(int row) => labels[row / 3];
                int[] Order() => BalancedOrder.Of(rows, Label, Seeds.ForEpoch(seed, epoch));

                int[] order = Order();
                Assert.Equal(order, Order());
                Assert.Equal(rows.Length, order.Length);
                int[] drawn = [.. Enumerable.Range(0, counts.Length).Select(label => order.Count(row => Label(row) == label))];
                Assert.InRange(drawn.Max() - drawn.Min(), 0, 1);
                for (int label = 0; label < counts.Length; label++)
                {
                    int[] all = [.. rows.Where(row => Label(row) == label)];
                    var rounds = order.Where(row => Label(row) == label).Chunk(all.Length).ToList();
                    Assert.All(rounds, round => Assert.Equal(round.Length, round.Distinct().Count()));
                    Assert.All(rounds.SkipLast(1), round => Assert.Equal(all, round.Order()));
                }
            },
            iter: 200);

    [Fact]
    public void Balanced_epochs_show_other_images_of_a_large_class()
    {
        int[] rows = [.. Enumerable.Range(0, 110)];
        int[] Large(int epoch) => [.. BalancedOrder.Of(rows, row => row < 100 ? 0 : 1, Seeds.ForEpoch(7, epoch)).Where(row => row < 100)];
        Assert.Equal(55, Large(1).Length);
        Assert.InRange(Large(1).Intersect(Large(2)).Count(), 15, 45);
        Assert.InRange(Enumerable.Range(1, 10).SelectMany(Large).Distinct().Count(), 95, 100);
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData(0.5, 10)]
    [InlineData(0.8, 16)]
    [InlineData(0.33, 7)]
    public void Weights_begin_at_the_step_of_the_share(double? deferred, int first)
    {
        using var computing = TorchScope.Enter(threads: 1, keepMemory: false);
        using var fixture = new StepFixture(
            SlaObjective.Sla,
            classes: 2,
            depth: 8,
            StepFixture.RandomImages(new ImageShape(1, 16, 16), 20, 2, new Random(1)),
            new TrainingSettings(5, 5, 4, 0.01, LearningRateSchedule.Constant, 0.9, 0, [], Seed: 1) { DeferredReweighting = deferred });
        var rows = new RowSelection(fixture.Store, [.. Enumerable.Range(0, 20)]);
        using var loop = new TrainingLoop(fixture.Network, fixture.Step, new EpochSampler(rows, fixture.Settings), fixture.Settings);
        var weighted = Enumerable.Range(0, (int)loop.Steps).Where(step => loop.StateOf(step).WeighsClasses).Select(step => (long)step);
        Assert.Equal(Enumerable.Range(first, 20 - first).Select(step => (long)step), weighted);
    }

    [Fact]
    public void A_deferred_weighting_changes_nothing_before_it_begins()
    {
        IReadOnlyList<EpochMetrics> Epochs(Action<SlaTrainer.Options> set)
        {
            var options = Uneven();
            options.Epochs = 4;
            set(options);
            using var model = Train(options, Images(30, 6));
            return model.TrainingHistory.Epochs;
        }

        var plain = Epochs(_ => { });
        var deferred = Epochs(options => (options.ClassWeighting, options.DeferredReweighting) = (ClassWeighting.InverseFrequency, 0.5));
        Assert.Equal(plain.Take(2), deferred.Take(2));
        Assert.NotEqual(plain[2].Loss, deferred[2].Loss);
        Assert.NotEqual(plain[0].Loss, Epochs(options => options.ClassWeighting = ClassWeighting.InverseFrequency)[0].Loss);
    }

    [Theory]
    [InlineData(SlaObjective.Baseline)]
    [InlineData(SlaObjective.DataAugmentation)]
    [InlineData(SlaObjective.MultiTask)]
    [InlineData(SlaObjective.Sla)]
    [InlineData(SlaObjective.SlaSelfDistillation)]
    public void A_model_of_LDAM_scores_the_same_in_training_saved_and_read_back(SlaObjective objective)
    {
        var options = Uneven(objective);
        options.Precision = Precision.Float32;
        options.Epochs = 3;
        options.ClassificationLoss = ClassificationLoss.Ldam(scale: 10);
        options.ClassWeighting = ClassWeighting.ClassBalanced();
        options.DeferredReweighting = 0.8;
        options.GradientAccumulation = 2;
        options.Augmentations = [ImageAugmentation.CutMix()];

        // The history has the losses without a temperature.
        options.Calibration = false;
        var images = Images(30, 6, 10);
        var validation = Training.Images(_mlContext, FashionImages.Test(classes: 3, perClass: 20));
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images, validation);
        var best = model.TrainingHistory.Epochs[model.TrainingHistory.BestEpoch!.Value - 1];
        var metrics = _mlContext.MulticlassClassification.Evaluate(model.Transform(validation));
        Assert.Equal(best.ValidationAccuracy!.Value, metrics.MicroAccuracy, 1e-6);
        Assert.Equal(best.ValidationLoss!.Value, metrics.LogLoss, 1e-4);

        using var loaded = Training.SavedAndLoaded(_mlContext, model);
        foreach (var inference in model.Inferences)
        {
            using var first = model.WithInference(inference);
            using var second = loaded.WithInference(inference);
            Assert.Equal(Training.Scores(first.Transform(validation)), Training.Scores(second.Transform(validation)));
        }
    }

    [Fact]
    public void Balanced_epochs_and_LDAM_find_small_classes_that_cross_entropy_loses()
    {
        double MacroAccuracy(Action<SlaTrainer.Options> set)
        {
            var options = Uneven(SlaObjective.Baseline);
            options.Seed = 3;
            options.Precision = Precision.Float32;
            options.Epochs = 12;
            options.BatchSize = 16;
            options.LearningRateSchedule = LearningRateSchedule.OneCycle;
            options.Augmentations = [ImageAugmentation.HorizontalFlip()];
            set(options);
            using var model = Train(options, Images(8, 60, 60, 8, 8));
            var test = Training.Images(_mlContext, FashionImages.Test(classes: 5, perClass: 40));
            return _mlContext.MulticlassClassification.Evaluate(model.Transform(test)).MacroAccuracy;
        }

        // Of seeds 1 to 3, cross-entropy scores 0.44 to 0.53, balanced epochs 0.61 to 0.69, with LDAM 0.70 to 0.76.
        double crossEntropy = MacroAccuracy(_ => { });
        Assert.InRange(MacroAccuracy(options => options.BalancedSampling = true), crossEntropy + 0.1, 1);
        Assert.InRange(MacroAccuracy(options => (options.BalancedSampling, options.ClassificationLoss) = (true, ClassificationLoss.Ldam())), crossEntropy + 0.15, 1);
    }

    [Fact]
    public void Training_goes_on_from_normalised_heads_and_makes_new_ones_where_the_form_differs()
    {
        var images = Images(20, 6);
        var options = Uneven();
        options.ClassificationLoss = ClassificationLoss.Ldam();
        using var ldam = Train(options, images);
        const string Head = "heads.class_head_weight";
        Assert.False(ldam.Model.Weights.Contains("heads.class_head_bias"));

        // Another margin or scale is another loss on the same heads.
        options.ClassificationLoss = ClassificationLoss.Ldam(0.3, 20);
        Assert.Equal(0, Move(Goes(options)), 1e-5);
        options.ClassificationLoss = ClassificationLoss.Focal();
        Assert.InRange(Move(Goes(options)), 1e-3, 10);

        // A model of LDAM gives its backbone as any other does.
        string path = InFolder("model.zip");
        _mlContext.Model.Save(ldam, images.Schema, path);
        options.PretrainedPath = path;
        using var pretrained = Train(options, images);
        Assert.True(pretrained.Model.Weights.Contains("heads.class_head_bias"));

        SlaTransformer Goes(SlaTrainer.Options next)
        {
            next.LearningRate = 1e-9;
            next.WeightDecay = 0;
            next.Seed = 9;
            return _mlContext.MulticlassClassification.Trainers.Sla(next).Fit(images, ldam);
        }

        double Move(SlaTransformer next)
        {
            using (next)
                return Training.LargestDifference([ldam.Model.Weights[Head].Values], [next.Model.Weights[Head].Values]);
        }
    }

    [Fact]
    public void A_model_saved_before_there_were_losses_to_choose_from_has_linear_heads()
    {
        var options = Uneven();
        options.ClassificationLoss = ClassificationLoss.Ldam(0.3, 20);
        options.ClassWeighting = ClassWeighting.ClassBalanced(0.99);
        using var model = Train(options, Images(12, 4));
        var json = JsonNode.Parse(model.Model.Description.ToJson())!;
        var now = DescriptionReader.ReadModel(json.ToJsonString()).ObjectiveSettings;
        Assert.Equal(("Ldam(0.3, 20)", "ClassBalanced(0.99)"), ($"{now.ClassificationLoss}", $"{now.ClassWeighting}"));

        json["objectiveSettings"] = JsonNode.Parse("""{"temperature":2,"beta":0.5,"lossReduction":"Sum","labelSmoothing":0.1}""");
        var old = DescriptionReader.ReadModel(json.ToJsonString()).ObjectiveSettings;
        Assert.Equal(new ObjectiveSettings(2, 0.5, LossReduction.Sum, 0.1) with { ClassCounts = old.ClassCounts }, old);
        Assert.Null(old.ClassificationLoss.CosineScale);
    }

    [Fact]
    public void Uneven_classes_are_warned_of_while_nothing_is_set_against_them()
    {
        const string Warning = "The classes are uneven: 'ankle-boot' has 30 training images, 5.0 times as many as 'bag', which has 6.";
        Assert.Contains(Warning, Messages(_ => { }, 30, 6), StringComparison.Ordinal);
        Assert.Contains(Warning, Messages(options => options.ClassificationLoss = ClassificationLoss.Focal(), 30, 6), StringComparison.Ordinal);
        Assert.DoesNotContain("uneven", Messages(_ => { }, 29, 6), StringComparison.Ordinal);
        Assert.DoesNotContain("uneven", Messages(options => options.BalancedSampling = true, 30, 6), StringComparison.Ordinal);
        Assert.DoesNotContain("uneven", Messages(options => options.ClassWeighting = ClassWeighting.InverseFrequency, 30, 6), StringComparison.Ordinal);
        Assert.DoesNotContain("uneven", Messages(options => options.ClassificationLoss = ClassificationLoss.Ldam(), 30, 6), StringComparison.Ordinal);

        string Messages(Action<SlaTrainer.Options> set, params int[] counts)
        {
            var mlContext = new MLContext(seed: 1);
            var messages = new LogMessages(mlContext);
            var options = Uneven(SlaObjective.Baseline);
            options.Epochs = 1;
            set(options);
            mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(mlContext, FashionImages.TrainUneven(counts))).Dispose();
            return messages.ToString();
        }
    }

    [Fact]
    public void A_search_warns_of_uneven_classes_once()
    {
        var mlContext = new MLContext(seed: 1);
        var messages = new LogMessages(mlContext);
        var options = Uneven(SlaObjective.Baseline);
        options.Epochs = 1;
        mlContext.MulticlassClassification.CreateSlaExperiment(new SlaExperiment.Options { Trainer = options })
            .SetDataset(Training.Images(mlContext, FashionImages.TrainUneven(40, 8)), validationFraction: 0.25f)
            .SetSearchSpace(new SlaSearchSpace().Remove("Architecture"))
            .SetMaxModelToExplore(4)
            .Run().Dispose();
        Assert.Single(messages, message => message.Contains("The classes are uneven", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("DeferredReweighting", "ClassWeighting")]
    [InlineData("share", "above 0 and below 1")]
    [InlineData("beta", "beta")]
    [InlineData("gamma", "gamma")]
    [InlineData("margin", "largestMargin")]
    [InlineData("scale", "scale")]
    public void Values_that_cannot_be_are_refused_at_once(string what, string named)
    {
        var error = Assert.ThrowsAny<ArgumentException>(() => what switch
        {
            "DeferredReweighting" => Trainer(options => options.DeferredReweighting = 0.8),
            "share" => Trainer(options => (options.ClassWeighting, options.DeferredReweighting) = (ClassWeighting.InverseFrequency, 1)),
            "beta" => ClassWeighting.ClassBalanced(1),
            "gamma" => ClassificationLoss.Focal(-0.1),
            "margin" => ClassificationLoss.Ldam(double.NaN),
            _ => (object)ClassificationLoss.Ldam(scale: 0),
        });
        Assert.Contains(named, error.Message, StringComparison.Ordinal);

        object Trainer(Action<SlaTrainer.Options> set)
        {
            var options = Uneven();
            set(options);
            return _mlContext.MulticlassClassification.Trainers.Sla(options);
        }
    }

    private static SlaTrainer.Options Uneven(SlaObjective objective = SlaObjective.SlaSelfDistillation)
    {
        var options = Training.Options(objective);
        options.BatchSize = 8;
        options.Threads = 1;
        return options;
    }

    private IDataView Images(params int[] counts) => Training.Images(_mlContext, FashionImages.TrainUneven(counts));

    private SlaTransformer Train(SlaTrainer.Options options, IDataView images) => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }
}
