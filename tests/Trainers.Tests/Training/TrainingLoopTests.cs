using Microsoft.ML.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Tensors;
using Microsoft.ML.Sla.Training;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What happens between the steps: averaging, early stopping, the best epoch, freezing, rates, history, streaming.</summary>
public sealed class TrainingLoopTests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Images_that_memory_does_not_hold_are_streamed_and_give_the_same_model(bool comeSeveralTimes)
    {
        var messages = new LogMessages(_mlContext);
        float[][] Scores(long? memory)
        {
            var options = Training.Options();
            options.ValidationSetFraction = 0.25f;
            options.PixelMemory = memory;
            options.BalancedSampling = comeSeveralTimes;
            var images = Training.Images(_mlContext, comeSeveralTimes ? FashionImages.TrainUneven(48, 12, 12) : FashionImages.Train(classes: 3, perClass: 24));
            using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
            return Training.Scores(model.Transform(images));
        }

        var inMemory = Scores(null);
        Assert.DoesNotContain(messages, message => message.Contains("read again in each epoch", StringComparison.Ordinal));

        // 40 of the 72 images fit: some are kept, the others come in windows of 10. Of 1 image, all are streamed one by one.
        foreach (int images in new[] { 40, 1 })
        {
            messages.Clear();
            Assert.Equal(inMemory, Scores(images * 28 * 28));
            Assert.Contains(messages, message => message.Contains(images == 1 ? "; 0 kept in memory" : "; 20 kept in memory", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_training_that_shows_each_transformation_too_rarely_is_told_so()
    {
        string advice = Messages(SlaObjective.SlaSelfDistillation, TransformationSet.Rotation, epochs: 24, viewsPerStep: 2);
        Assert.Contains("trained on 12 times under each of the 4 transformations", advice, StringComparison.Ordinal);
        Assert.Contains("Try 40 Epochs", advice, StringComparison.Ordinal);
        Assert.Contains("6 times under each of the 4", Messages(SlaObjective.Sla, TransformationSet.Rotation, epochs: 24, viewsPerStep: 1), StringComparison.Ordinal);
        Assert.DoesNotContain("transformations.md", Messages(SlaObjective.SlaSelfDistillation, TransformationSet.Rotation, epochs: 40, viewsPerStep: 2), StringComparison.Ordinal);
        Assert.DoesNotContain("transformations.md", Messages(SlaObjective.Sla, TransformationSet.Rotation2, epochs: 20, viewsPerStep: 2), StringComparison.Ordinal);
        Assert.DoesNotContain("transformations.md", Messages(SlaObjective.DataAugmentation, TransformationSet.Rotation, epochs: 2, viewsPerStep: 1), StringComparison.Ordinal);

        string Messages(SlaObjective objective, TransformationSet transformations, int epochs, int viewsPerStep)
        {
            var mlContext = new MLContext(seed: 1);
            var messages = new LogMessages(mlContext);
            var options = Training.Options();
            options.Architecture = Architecture.ConvNet(4);
            options.Objective = objective;
            options.Transformations = transformations;
            options.ViewsPerStep = viewsPerStep;
            options.Epochs = epochs;
            mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(mlContext, classes: 2, perClass: 2)).Dispose();
            return messages.ToString();
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Unreadable_images_are_skipped_and_counted_where_that_is_asked_for(int threads)
    {
        string broken = InFolder("broken.png");
        File.WriteAllText(broken, "no image");
        LabelledImage[] good = FashionImages.Train(classes: 2, perClass: 12);
        LabelledImage[] images = [.. good[..5], new LabelledImage(broken, good[0].Label), .. good[5..], new LabelledImage(InFolder("missing.png"), good[^1].Label)];
        var messages = new LogMessages(_mlContext);
        foreach (long? memory in new long?[] { null, 5 * 28 * 28 })
        {
            var options = Training.Options();
            options.Threads = threads;
            options.PixelMemory = memory;
            options.OnUnreadableImage = UnreadableImageHandling.Skip;
            using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, images));
            Assert.Equal(2, model.TrainingHistory.UnreadableImages);
            Assert.Equal(24, model.TrainingHistory.Images);
        }

        Assert.Contains(messages, message => message.Contains(broken, StringComparison.Ordinal) && message.Contains("row 5", StringComparison.Ordinal));
        Assert.Contains(messages, message => message.Contains("2 rows with an unreadable image left out", StringComparison.Ordinal));

        // The first image is the one whose size all must share.
        var first = Training.Options();
        first.OnUnreadableImage = UnreadableImageHandling.Skip;
        using (var model = _mlContext.MulticlassClassification.Trainers.Sla(first).Fit(Training.Images(_mlContext, [new LabelledImage(broken, good[0].Label), .. good])))
            Assert.Equal(1, model.TrainingHistory.UnreadableImages);

        var strict = Training.Options();
        strict.Threads = threads;
        var error = Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.Trainers.Sla(strict).Fit(Training.Images(_mlContext, images)));
        Assert.Contains("row 5", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_history_is_that_of_the_observers_and_is_saved_with_the_model()
    {
        var observer = new Recorder();
        var options = Training.Options();
        options.Epochs = 3;
        options.ValidationSetFraction = 0.25f;
        options.MeasureTrainingAccuracy = true;
        options.Observers = [observer];
        var images = Training.Images(_mlContext);
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        var history = model.TrainingHistory;

        Assert.Equal((54, 18, 3, 3L * (54 / 16)), (observer.Plan!.Images, observer.Plan.ValidationImages, observer.Plan.Epochs, observer.Plan.Steps));
        Assert.Equal(3, history.Epochs.Count);
        Assert.Equal(history.Epochs, observer.Epochs.Select(m => new EpochMetrics
        {
            Epoch = m.Epoch,
            Step = m.Step,
            Loss = m.Loss,
            LearningRate = m.LearningRate,
            ValidationAccuracy = m.ValidationAccuracy,
            ValidationLoss = m.ValidationLoss,
            TrainingAccuracy = m.TrainingAccuracy,
        }));
        Assert.All(history.Epochs, epoch => Assert.InRange(epoch.ValidationAccuracy!.Value, 0, 1));
        Assert.All(history.Epochs, epoch => Assert.InRange(epoch.TrainingAccuracy!.Value, 0, 1));
        Assert.Equal(history.Epochs.Max(epoch => epoch.ValidationAccuracy), history.Epochs[history.BestEpoch!.Value - 1].ValidationAccuracy);
        Assert.Same(history, observer.History);

        using var loaded = Training.SavedAndLoaded(_mlContext, model);
        Assert.Equal(history.Epochs, loaded.TrainingHistory.Epochs);
        Assert.Equal(history with { Epochs = [] }, loaded.TrainingHistory with { Epochs = [] });
    }

    [Fact]
    public void Observers_hear_which_rows_accuracy_is_measured_on()
    {
        var observer = new Recorder();
        var options = Training.Options();
        options.Epochs = 1;
        options.ValidationSetFraction = 0.25f;
        options.Observers = [observer];
        var images = Training.Images(_mlContext);
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);

        uint[] labels = [.. images.GetColumn<uint>("Label")];
        var rows = observer.Plan!.ValidationRows;
        Assert.Equal([6, 6, 6], rows.GroupBy(row => labels[row]).Select(group => group.Count()));
        double right = labels.Zip(model.Transform(images).GetColumn<uint>("PredictedLabel"), (label, predicted) => label == predicted ? 1.0 : 0)
            .Where((_, row) => rows.Contains(row)).Average();
        Assert.Equal(model.TrainingHistory.KeptEpoch.ValidationAccuracy!.Value, right, 1e-6);
        Assert.Null(model.TrainingHistory.KeptEpoch.TrainingAccuracy);
    }

    [Fact]
    public void Training_accuracy_is_measured_on_training_rows_as_they_are()
    {
        var images = Training.Images(_mlContext);
        var options = Training.Options();
        options.Epochs = 2;
        options.MeasureTrainingAccuracy = true;
        options.KeepBest = false;
        options.Precision = Precision.Float32;
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images, validationSet: images);
        var last = model.TrainingHistory.Epochs[^1];
        Assert.Equal(_mlContext.MulticlassClassification.Evaluate(model.Transform(images)).MicroAccuracy, last.TrainingAccuracy!.Value, 1e-6);
    }

    [Fact]
    public void The_model_has_the_weights_of_the_epoch_of_the_best_validation_accuracy()
    {
        var images = Training.Images(_mlContext);
        var validation = Training.Images(_mlContext, FashionImages.Test(classes: 3, perClass: 30));
        var options = Training.Options();
        options.Epochs = 6;
        options.Precision = Precision.Float32;
        options.LearningRate = 0.3;
        options.LearningRateSchedule = LearningRateSchedule.Constant;
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla(options);
        using var best = trainer.Fit(images, validation);
        var accuracies = best.TrainingHistory.Epochs.Select(epoch => epoch.ValidationAccuracy!.Value).ToList();
        Assert.Equal(accuracies.Max(), _mlContext.MulticlassClassification.Evaluate(best.Transform(validation)).MicroAccuracy, 1e-6);
        Assert.Equal(accuracies.Max(), accuracies[best.TrainingHistory.BestEpoch!.Value - 1]);

        options.KeepBest = false;
        using var last = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images, validation);
        Assert.Null(last.TrainingHistory.BestEpoch);
        Assert.Equal(accuracies[^1], _mlContext.MulticlassClassification.Evaluate(last.Transform(validation)).MicroAccuracy, 1e-6);
        Assert.NotEqual(accuracies.Max(), accuracies[^1]);
    }

    [Theory]
    [InlineData(new[] { 0.5, 0.6, 0.6, 0.6 }, 2, 0, true)]
    [InlineData(new[] { 0.5, 0.6, 0.6, 0.7 }, 2, 0, false)]
    [InlineData(new[] { 0.5, 0.505, 0.509 }, 2, 0.01, true)]
    [InlineData(new[] { 0.5, 0.505, 0.511 }, 2, 0.01, false)]
    [InlineData(new[] { 0.0, 0.0 }, 1, 0, true)]
    [InlineData(new double[0], 1, 0, false)]
    public void Early_stopping_waits_as_long_as_its_patience(double[] accuracies, int patience, double minDelta, bool stops) =>
        Assert.Equal(stops, new EarlyStopping { Patience = patience, MinDelta = minDelta }.Stops([.. accuracies.Select((a, i) => new EpochMetrics { Epoch = i + 1, Step = i + 1, Loss = 1, LearningRate = 1, ValidationAccuracy = a, ValidationLoss = 1 })]));

    [Fact]
    public void Early_stopping_ends_a_run_and_needs_validation_rows()
    {
        var options = Training.Options();
        options.Epochs = 50;
        options.LearningRate = 1e-7;
        options.EarlyStopping = new EarlyStopping { Patience = 2 };
        var images = Training.Images(_mlContext);
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla(options);
        Assert.Contains("EarlyStopping needs validation rows", Assert.Throws<InvalidOperationException>(() => trainer.Fit(images)).Message, StringComparison.Ordinal);
        using var model = trainer.Fit(images, images);
        Assert.True(model.TrainingHistory.StoppedEarly);
        Assert.InRange(model.TrainingHistory.Epochs.Count, 3, 49);
    }

    [Fact]
    public void The_average_of_weights_is_the_one_computed_by_hand()
    {
        TorchLibrary.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var network = new SlaNetwork(Architecture.ConvNet(2), new ImageShape(1, 16, 16), [new(Head.Class, 2)], seed: 1);
        using var average = new WeightAverage(network, 0.9);
        const string Name = "heads.class_head_bias";
        void Set(float value)
        {
            using var noGradient = no_grad();
            network.state_dict()[Name].fill_(value);
        }

        float Value() => network.GetWeights()[Name].Values[0];
        float expected = Value();
        for (int step = 1; step <= 200; step++)
        {
            Set(step);
            average.Update(step);
            double decay = Math.Min(0.9, (1.0 + step) / (10 + step));
            expected = (float)((decay * expected) + ((1 - decay) * step));
        }

        average.Swap();
        Assert.Equal(expected, Value(), 1e-3);
        average.Swap();
        Assert.Equal(200, Value());
    }

    [Fact]
    public void A_batch_in_parts_has_the_gradient_of_the_whole_batch()
    {
        // The averages over a part are other statistics for batch normalisation, so the network has none here.
        static Architecture Plain() => Architecture.Custom("plain", 4, shape => TorchSharp.torch.nn.Sequential(
            TorchSharp.torch.nn.Conv2d(shape.Channels, 4, 5, stride: 3), TorchSharp.torch.nn.ReLU(), TorchSharp.torch.nn.AdaptiveAvgPool2d(1), TorchSharp.torch.nn.Flatten()));
        float[] Weights(int parts)
        {
            var options = Training.Options();
            options.Architecture = Plain();
            options.GradientAccumulation = parts;
            options.Augmentations = [];
            options.Epochs = 1;
            using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext));
            return model.Model.Weights["heads.joint_head_weight"].Values;
        }

        float[] whole = Weights(1);
        Assert.InRange(whole.Zip(Weights(3)).Max(pair => Math.Abs(pair.First - pair.Second)), 0, 1e-6);
    }

    [Fact]
    public void A_trainer_keeps_the_options_that_it_was_made_with()
    {
        var images = Training.Images(_mlContext);
        var options = Training.Options();
        options.Epochs = 1;
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla(options);
        (options.Epochs, options.Seed, options.LabelColumnName) = (2, 99, "Other");
        using var model = trainer.Fit(images);
        Assert.Equal((1, false), (model.TrainingHistory.Epochs.Count, model.TrainingHistory.Seed == 99));
    }

    [Fact]
    public void A_frozen_backbone_stays_as_it_is_and_the_heads_learn()
    {
        var images = Training.Images(_mlContext);
        var options = Training.Options();
        using var initial = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        options.FrozenEpochs = options.Epochs;
        options.Seed = 9;
        using var frozen = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images, initial);
        AssertSame(initial, frozen, name => name.StartsWith("backbone.", StringComparison.Ordinal), same: true);
        AssertSame(initial, frozen, name => name.StartsWith("heads.", StringComparison.Ordinal), same: false);
    }

    [Fact]
    public void Rates_fall_from_the_heads_to_the_stem()
    {
        TorchLibrary.EnsureLoaded();
        using var scope = NewDisposeScope();
        var architecture = Architecture.ResNet(18);
        using var network = new SlaNetwork(architecture, new ImageShape(3, 32, 32), [new(Head.Class, 2)], seed: 1);
        var groups = network.ParametersByStage().ToList();
        Assert.Equal(6, groups.Count);
        Assert.All(groups[0].Parameters, p => Assert.StartsWith("heads.", p.Name, StringComparison.Ordinal));
        Assert.All(groups[1].Parameters, p => Assert.StartsWith("backbone.layer4.", p.Name, StringComparison.Ordinal));
        Assert.Equal(["backbone.conv1.weight", "backbone.bn1.weight", "backbone.bn1.bias"], groups[5].Parameters.Select(p => p.Name));
        Assert.Equal(network.named_parameters().Count(), groups.Sum(group => group.Parameters.Count));

        using var optimizer = new Optimizer(network, new TrainingSettings(1, 1, 1, 1, LearningRateSchedule.Constant, Momentum: 0, WeightDecay: 0, [], 1) { LayerRateDecay = 0.5 });
        var before = network.GetWeights();
        Tensor loss = zeros(1);
        foreach (var (_, parameter) in network.named_parameters())
            loss += parameter.sum();
        loss.backward();
        optimizer.Step(0.1);
        float Change(string name) => before[name].Values[0] - network.GetWeights()[name].Values[0];
        Assert.Equal(0.1, Change("heads.class_head_bias"), 1e-5);
        Assert.Equal(0.05, Change("backbone.layer4.1.body.bn2.bias"), 1e-5);
        Assert.Equal(0.1 / 32, Change("backbone.bn1.bias"), 1e-5);
    }

    [Fact]
    public void Gradients_are_clipped_to_the_norm()
    {
        TorchLibrary.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var network = new SlaNetwork(Architecture.ConvNet(2), new ImageShape(1, 16, 16), [new(Head.Class, 2)], seed: 1);
        using var optimizer = new Optimizer(network, new TrainingSettings(1, 1, 1, 1, LearningRateSchedule.Constant, Momentum: 0, WeightDecay: 0, [], 1) { GradientClipping = 2 });
        var before = network.GetWeights();
        Tensor loss = zeros(1);
        foreach (var (_, parameter) in network.named_parameters())
            loss += 100 * parameter.sum();
        loss.backward();
        optimizer.Step(1);
        var after = network.GetWeights();
        Assert.Equal(2, Math.Sqrt(before.SelectMany(t => t.Values.Zip(after[t.Name].Values)).Sum(pair => Math.Pow(pair.First - pair.Second, 2))), 1e-4);
    }

    [Fact]
    public void Training_goes_on_from_a_model_with_its_heads_or_new_ones()
    {
        var images = Training.Images(_mlContext);
        var options = Training.Options();
        options.Epochs = 4;
        using var initial = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        options.LearningRate = 1e-9;
        options.WeightDecay = 0;
        options.Epochs = 1;
        using var same = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images, initial);
        AssertSame(initial, same, name => name.EndsWith("weight", StringComparison.Ordinal), same: true, tolerance: 1e-6);

        var others = Training.Images(_mlContext, classes: 2, perClass: 24);
        using var backbone = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(others, initial);
        AssertSame(initial, backbone, name => name.StartsWith("backbone.", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal), same: true, tolerance: 1e-6);

        // Auto takes the model's network, of whatever size the images are.
        options.Architecture = Architecture.Auto;
        using var auto = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images, initial);
        Assert.Equal("CIFAR ResNet-8", auto.Architecture.Name);

        options.Architecture = Architecture.ConvNet(8);
        Assert.Contains("Set Architecture", Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images, initial)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_range_test_suggests_a_rate_at_which_the_loss_falls()
    {
        var options = Training.Options(SlaObjective.Baseline);
        var range = _mlContext.MulticlassClassification.Trainers.Sla(options).FindLearningRate(Training.Images(_mlContext), 1e-4, 100, 60);
        Assert.Equal(range.Points.OrderBy(point => point.LearningRate), range.Points);
        Assert.InRange(range.Points.Count, 10, 60);
        Assert.InRange(range.Suggested, 1e-3, 5);
        Assert.True(range.Points.Min(point => point.Loss) < 0.9 * range.Points[0].Loss);
    }

    [Fact]
    public void The_range_test_finds_the_steepest_fall_and_ends_where_the_loss_has_risen()
    {
        // A loss that falls around a rate of 0.1 and explodes above 1.
        var range = LearningRateRange.Measure(1e-4, 100, 200, (_, rate) => 1 + (1 / (1 + Math.Pow(rate / 0.1, 2))) + (rate > 1 ? 100 * rate : 0));
        Assert.InRange(range.Suggested, 0.05, 0.4);
        Assert.InRange(range.Points[^1].LearningRate, 0.9, 1.2);
    }

    private static void AssertSame(SlaTransformer first, SlaTransformer second, Func<string, bool> which, bool same, double tolerance = 0)
    {
        foreach (var (name, _, values) in first.Model.Weights.Where(tensor => which(tensor.Name)))
        {
            double difference = values.Zip(second.Model.Weights[name].Values).Max(pair => Math.Abs(pair.First - pair.Second));
            Assert.True(difference <= tolerance == same, $"{name}: {difference}");
        }
    }

    private sealed class Recorder : ITrainingObserver
    {
        public TrainingStarted? Plan { get; private set; }

        public List<TrainingProgress> Epochs { get; } = [];

        public TrainingHistory? History { get; private set; }

        public void OnStart(TrainingStarted plan) => Plan = plan;

        public void OnEpochEnd(TrainingProgress metrics) => Epochs.Add(metrics);

        public void OnEnd(TrainingHistory history) => History = history;
    }
}
