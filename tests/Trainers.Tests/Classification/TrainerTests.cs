using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class TrainerTests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Theory]
    [InlineData(SlaObjective.Baseline)]
    [InlineData(SlaObjective.Sla)]
    [InlineData(SlaObjective.SlaSelfDistillation)]
    public void One_seed_gives_one_network_bit_for_bit_and_two_seeds_two(SlaObjective objective)
    {
        byte[] Network(int seed)
        {
            var options = Training.Options(objective);
            options.Epochs = 1;
            options.Seed = seed;
            using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, classes: 2, perClass: 16));
            return Training.OnnxOf(model);
        }

        byte[] first = Network(1);
        Assert.Equal(first, Network(1));
        Assert.NotEqual(first, Network(2));
    }

    [Fact]
    public void The_seed_of_the_MLContext_makes_a_run_repeatable()
    {
        float[][] Scores(int seed)
        {
            var mlContext = new MLContext(seed);
            var options = Quick();
            options.Seed = null;
            var images = Training.Images(mlContext, classes: 2, perClass: 16);
            using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
            return Training.Scores(model.Transform(images));
        }

        var first = Scores(5);
        Assert.Equal(first, Scores(5));
        Assert.NotEqual(first, Scores(6));
    }

    [Theory]
    [InlineData("text")]
    [InlineData("integer")]
    [InlineData("boolean")]
    [InlineData("key without values")]
    public void PredictedLabel_has_the_key_values_of_the_label(string kind)
    {
        var data = _mlContext.Data.LoadFromEnumerable(VectorRows(20));
        string source = kind switch { "text" => "Text", "integer" => "Number", "boolean" => "Flag", _ => "Key" };
        var keyed = kind == "key without values"
            ? _mlContext.Transforms.CopyColumns("Label", source).Fit(data).Transform(data)
            : _mlContext.Transforms.Conversion.MapValueToKey("Label", source).Fit(data).Transform(data);

        using var model = _mlContext.MulticlassClassification.Trainers.Sla(Vectors()).Fit(keyed);
        var scored = model.Transform(keyed);
        var back = _mlContext.Transforms.Conversion.MapKeyToValue("Back", "PredictedLabel").Fit(scored).Transform(scored);
        var key = scored.GetColumn<uint>("PredictedLabel").ToArray();
        string Value(int i) => kind switch
        {
            "text" => i == 1 ? "even" : "odd",
            "integer" => i == 1 ? "-4" : "7",
            "boolean" => i == 1 ? "True" : "False",
            _ => $"{i}",
        };
        string[] values = kind switch
        {
            "text" => [.. back.GetColumn<string>("Back")],
            "integer" => [.. back.GetColumn<int>("Back").Select(v => $"{v}")],
            "boolean" => [.. back.GetColumn<bool>("Back").Select(v => $"{v}")],
            _ => [.. back.GetColumn<uint>("Back").Select(v => $"{v}")],
        };
        Assert.Equal(key.Select(k => Value((int)k)), values);
        Assert.Equal(key, Training.Scores(scored).Select(s => s[0] >= s[1] ? 1u : 2u));
        Assert.InRange(_mlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy, 0, 1);
    }

    [Fact]
    public void Bytes_floats_and_images_of_the_same_pixels_give_the_same_model()
    {
        float[][] Scores(string column, Action<SlaTrainer.Options> set)
        {
            var options = Vectors();
            options.FeatureColumnName = column;
            set(options);
            using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Keyed(VectorRows(20)));

            // New rows, for ML.NET's image transformers dispose the images that they have read.
            return Training.Scores(model.Transform(Keyed(VectorRows(20))));
        }

        var bytes = Scores("Bytes", _ => { });
        Assert.Equal(bytes, Scores("Floats", _ => { }));
        Assert.Equal(bytes, Scores("Image", _ => { }));
        Assert.Equal(bytes, Scores("Units", o => o.PixelMaximum = 1));
    }

    [Fact]
    public void CrossValidate_works_on_a_whole_pipeline()
    {
        var pipeline = _mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(_mlContext.Transforms.LoadImages("Image", "", "ImagePath"))
            .Append(_mlContext.MulticlassClassification.Trainers.Sla(Quick()))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel"));
        var files = _mlContext.Data.LoadFromEnumerable(FashionImages.Train(classes: 2, perClass: 15));
        var folds = _mlContext.MulticlassClassification.CrossValidate(files, pipeline, numberOfFolds: 2);
        Assert.Equal(2, folds.Count);
        Assert.All(folds, fold => Assert.InRange(fold.Metrics.LogLoss, 0, 100));
    }

    [Fact]
    public void The_output_schema_is_known_before_training()
    {
        var images = Training.Images(_mlContext, classes: 2, perClass: 2);
        var shape = _mlContext.MulticlassClassification.Trainers.Sla(Quick()).GetOutputSchema(MLNetInternals.ShapeOf(images.Schema));
        var predicted = shape.Single(column => column.Name == "PredictedLabel");
        Assert.True(predicted.IsKey);
        Assert.Contains(predicted.Annotations, annotation => annotation.Name == "KeyValues");
        Assert.Equal(SchemaShape.Column.VectorKind.Vector, shape.Single(column => column.Name == "Score").Kind);
    }

    [Fact]
    public void Progress_reaches_the_callback_and_the_log()
    {
        var reports = new List<TrainingProgress>();
        var messages = new LogMessages(_mlContext);
        var options = Quick();
        options.Epochs = 2;
        options.ValidationSetFraction = 0.25f;
        options.MetricsCallback = reports.Add;
        _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, classes: 2, perClass: 16)).Dispose();

        Assert.Equal([1, 2], reports.Where(r => r.IsEpochEnd).Select(r => r.Epoch));
        Assert.All(reports.Where(r => r.IsEpochEnd), r => Assert.InRange(r.ValidationAccuracy!.Value, 0, 1));
        Assert.All(reports, r => Assert.True(r.Loss > 0 && r.ImagesPerSecond > 0));
        Assert.Equal(reports[^1].Steps, reports[^1].Step);
        Assert.Contains(messages, m => m.Contains("epoch 2/2", StringComparison.Ordinal) && m.Contains("validation accuracy", StringComparison.Ordinal));
        Assert.Contains(messages, m => m.Contains("ResNet-8", StringComparison.Ordinal));
    }

    [Fact]
    public void Cancelled_before_the_first_step_it_stops_at_once() =>
        Assert.Throws<OperationCanceledException>(() =>
        {
            var options = Quick();
            options.CancellationToken = new CancellationToken(canceled: true);
            options.MetricsCallback = _ => Assert.Fail("A step was made.");
            _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext));
        });

    [Fact]
    public void Cancelled_in_the_middle_it_stops_after_the_step()
    {
        using var cancellation = new CancellationTokenSource();
        int epochs = 0;
        var options = Quick();
        options.Epochs = 1000;
        options.CancellationToken = cancellation.Token;
        options.MetricsCallback = _ =>
        {
            epochs++;
            cancellation.Cancel();
        };
        Assert.Throws<OperationCanceledException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext)));
        Assert.Equal(1, epochs);
    }

    [Fact]
    public void A_loss_that_is_no_number_names_the_step_and_the_remedy()
    {
        var options = Quick();
        options.Epochs = 50;
        options.LearningRate = 1e30;
        options.LearningRateSchedule = LearningRateSchedule.Constant;
        var error = Assert.Throws<InvalidOperationException>(() =>
            _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, classes: 2, perClass: 16)));
        Assert.Matches("at step [0-9]+ .*Lower LearningRate", error.Message);
    }

    [Theory]
    [InlineData(1e30, "outputs")]
    [InlineData(1e38, "outputs|weights")]
    public void A_last_update_that_spoils_the_network_is_an_error_although_no_loss_shows_it(double learningRate, string what)
    {
        // One step, whose loss is that of the initial weights.
        var options = Quick();
        (options.Epochs, options.BatchSize, options.LearningRate, options.LearningRateSchedule) = (1, 32, learningRate, LearningRateSchedule.Constant);
        var error = Assert.Throws<InvalidOperationException>(() =>
            _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, classes: 2, perClass: 16)));
        Assert.Matches($"({what}).* are no longer numbers at step 1 .*Lower LearningRate", error.Message);
    }

    [Fact]
    public void A_label_that_is_no_key_names_the_remedy()
    {
        var data = _mlContext.Data.LoadFromEnumerable(VectorRows(4));
        var options = Vectors();
        options.LabelColumnName = "Text";
        var error = Assert.Throws<ArgumentException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(data));
        Assert.Contains("MapValueToKey(\"Text\")", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_column_that_is_not_there_is_named_with_those_that_are()
    {
        var options = Vectors();
        options.FeatureColumnName = "Imgae";
        var error = Assert.Throws<ArgumentException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Keyed(VectorRows(4))));
        Assert.Contains("'Imgae'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Image", error.Message, StringComparison.Ordinal);
        Assert.Contains("FeatureColumnName", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_images_and_one_class_are_refused()
    {
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla(Vectors());
        var keyed = Keyed(VectorRows(4));
        var none = Assert.Throws<InvalidOperationException>(() => trainer.Fit(_mlContext.Data.FilterRowsByColumn(keyed, "Weight", lowerBound: 5)));
        Assert.Contains("no labelled images", none.Message, StringComparison.Ordinal);
        var one = Assert.Throws<InvalidOperationException>(() => trainer.Fit(_mlContext.Data.FilterRowsByColumn(keyed, "Weight", lowerBound: 0.5)));
        Assert.Contains("two classes or more", one.Message, StringComparison.Ordinal);
        Assert.Contains("'Label'", one.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("broken.png", "this is no image")]
    [InlineData("missing.png", null)]
    public void An_image_that_cannot_be_read_is_named(string file, string? content)
    {
        string path = InFolder(file);
        if (content is not null)
            File.WriteAllText(path, content);
        LabelledImage[] images = [.. FashionImages.Train(classes: 2, perClass: 4), new LabelledImage(path, "dress")];
        foreach (int? width in new int?[] { null, 32 })
        {
            var options = Quick();
            options.ImageWidth = options.ImageHeight = width;
            var error = Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, images)));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.Contains("row 8", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_vector_of_another_size_than_the_shape_is_refused()
    {
        var options = Vectors();
        options.ImageWidth = 20;
        options.ImageHeight = 16;
        var error = Assert.Throws<ArgumentException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Keyed(VectorRows(4))));
        Assert.Contains("has 256 values", error.Message, StringComparison.Ordinal);
        Assert.Contains("have 320", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_that_are_not_square_are_refused_for_rotations()
    {
        var rows = VectorRows(4).Select(row =>
        {
            row.Image = MLImage.CreateFromPixels(20, 16, MLPixelFormat.Bgra32, new byte[20 * 16 * 4]);
            return row;
        });
        var options = Vectors();
        options.FeatureColumnName = "Image";
        var error = Assert.Throws<ArgumentException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Keyed(rows)));
        Assert.Contains("20 pixels wide and 16 high", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(256)]
    [InlineData(-1)]
    public void Pixels_that_are_none_are_refused(float value)
    {
        var rows = VectorRows(4);
        rows[2].Floats[5] = value;
        var options = Vectors();
        options.FeatureColumnName = "Floats";
        var error = Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Keyed(rows)));
        Assert.Contains("row 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("position 5", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pixels_from_0_to_1_with_the_default_maximum_are_refused()
    {
        var options = Vectors();
        options.FeatureColumnName = "Units";
        var error = Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Keyed(VectorRows(4))));
        Assert.Contains("Set PixelMaximum to 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_inference_that_the_objective_lacks_is_refused_at_once()
    {
        var options = Training.Options(SlaObjective.Sla);
        options.Inference = SlaInference.Distilled;
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options));
        Assert.Contains("SlaInference.Aggregated or SlaInference.Single", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SlaObjective.SlaSelfDistillation, 1, "2 or more for SlaSelfDistillation")]
    [InlineData(SlaObjective.Sla, 5, "from 1 to the 4 views")]
    [InlineData(SlaObjective.MultiTask, 0, "from 1 to the 4 views")]
    public void A_number_of_views_a_step_that_cannot_be_is_refused_at_once(SlaObjective objective, int views, string message)
    {
        var options = Training.Options(objective);
        options.ViewsPerStep = views;
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SlaObjective.DataAugmentation, 1, SlaInference.Single)]
    [InlineData(SlaObjective.MultiTask, null, SlaInference.Aggregated)]
    [InlineData(SlaObjective.Sla, 2, SlaInference.Aggregated)]
    [InlineData(SlaObjective.SlaSelfDistillation, 3, SlaInference.Distilled)]
    public void Every_objective_learns_with_all_views_or_some(SlaObjective objective, int? viewsPerStep, SlaInference inference)
    {
        var images = Training.Images(_mlContext);
        var options = Training.Options(objective);
        options.Epochs = 12;
        options.ViewsPerStep = viewsPerStep;
        options.LabelSmoothing = 0.05;
        options.LossReduction = objective == SlaObjective.Sla ? LossReduction.Sum : LossReduction.Mean;
        options.Inference = inference;
        options.ViewScoresColumnName = "OfViews";
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla(options);
        using var model = trainer.Fit(images);
        var scored = model.Transform(images);
        Assert.InRange(_mlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy, 0.6, 1);
        Assert.All(
            scored.Schema.Where(column => !column.IsHidden && images.Schema.GetColumnOrNull(column.Name) is null),
            column => Assert.Contains(trainer.GetOutputSchema(MLNetInternals.ShapeOf(images.Schema)), c => c.Name == column.Name));
    }

    [Fact]
    public void An_option_out_of_range_is_named()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options { Epochs = 0 }));
        Assert.Contains("The option Epochs must be above 0", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Architecture.CifarResNet(depth: 21));
    }

    private static SlaTrainer.Options Quick()
    {
        var options = Training.Options();
        options.Epochs = 1;
        return options;
    }

    private static SlaTrainer.Options Vectors()
    {
        var options = Quick();
        options.FeatureColumnName = "Bytes";
        return options;
    }

    private IDataView Keyed(IEnumerable<VectorRow> rows)
    {
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        return _mlContext.Transforms.Conversion.MapValueToKey("Label", "Text").Fit(data).Transform(data);
    }

    /// <summary>Images of 16 x 16 pixels, even ones bright above and odd ones bright below, in every form that the trainer takes.</summary>
    private static VectorRow[] VectorRows(int count)
    {
        var random = new Random(3);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            byte[] pixels = [.. Enumerable.Range(0, 256).Select(p => (byte)((p < 128) == (i % 2 == 0) ? random.Next(128, 256) : random.Next(128)))];
            return new VectorRow
            {
                Text = i % 2 == 0 ? "even" : "odd",
                Number = i % 2 == 0 ? -4 : 7,
                Flag = i % 2 == 0,
                Key = (uint)(i % 2),
                Weight = i % 2,
                Bytes = pixels,
                Floats = Array.ConvertAll(pixels, p => (float)p),
                Units = Array.ConvertAll(pixels, p => p / 255f),
                Image = MLImage.CreateFromPixels(16, 16, MLPixelFormat.Bgra32, pixels.SelectMany(p => new byte[] { p, p, p, 255 }).ToArray()),
            };
        })];
    }

    private sealed class VectorRow
    {
        public string Text { get; set; } = "";

        public int Number { get; set; }

        public bool Flag { get; set; }

        [KeyType(2)]
        public uint Key { get; set; }

        public float Weight { get; set; }

        [VectorType(256)]
        public byte[] Bytes { get; set; } = [];

        [VectorType(256)]
        public float[] Floats { get; set; } = [];

        [VectorType(1, 16, 16)]
        public float[] Units { get; set; } = [];

        [Transforms.Image.ImageType(16, 16)]
        public MLImage Image { get; set; } = null!;
    }
}
