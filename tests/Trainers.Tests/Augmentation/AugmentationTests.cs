using CsCheck;
using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Base augmentation against batches computed by hand, and against loops over pixels.</summary>
public sealed class AugmentationTests : TensorTest
{
    private const int Classes = 3;

    public static TheoryData<string> Augmentations => [.. All.Keys];

    private static Dictionary<string, ImageAugmentation> All => new ImageAugmentation[]
    {
        ImageAugmentation.RandomCrop(),
        ImageAugmentation.HorizontalFlip(),
        ImageAugmentation.RandomResizedCrop(),
        ImageAugmentation.ColorJitter(hue: 0.2),
        ImageAugmentation.Cutout(),
        ImageAugmentation.CutMix(),
        ImageAugmentation.Mixup(),
        ImageAugmentation.RandAugment(operations: 3, magnitude: 20),
    }.ToDictionary(augmentation => $"{augmentation}");

    [Theory]
    [MemberData(nameof(Augmentations))]
    public void One_generator_gives_one_batch_and_another_another(string name)
    {
        float[] Augmented(int seed, int channels)
        {
            using var batch = Batch(count: 24, channels, height: 12, width: 10);
            All[name].Apply(batch, new Random(seed));
            Assert.Equal(new long[] { 24, channels, 12, 10 }, batch.Images.shape);
            return Values(batch.Images);
        }

        Assert.Equal(Augmented(1, channels: 3), Augmented(1, channels: 3));
        Assert.NotEqual(Augmented(1, channels: 3), Augmented(2, channels: 3));
        Assert.All(Augmented(3, channels: 3).Concat(Augmented(3, channels: 1)), value => Assert.InRange(value, -1e-3, 255.001));
    }

    [Theory]
    [MemberData(nameof(Augmentations))]
    public void No_tensor_is_left_behind(string name)
    {
        long before = LiveTensors.Count();
        using (var batch = Batch(count: 16, channels: 3, height: 8, width: 8))
            All[name].Apply(batch, new Random(1));
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Crops_are_windows_of_the_image_with_a_black_border()
    {
        using var batch = Batch(count: 64, channels: 2, height: 5, width: 4);
        float[] before = Values(batch.Images);
        ImageAugmentation.RandomCrop(2).Apply(batch, new Random(1));
        float[] after = Values(batch.Images);

        var shifts = new HashSet<(int, int)>();
        for (int image = 0; image < 64; image++)
        {
            var matching = (from down in Enumerable.Range(-2, 5)
                            from right in Enumerable.Range(-2, 5)
                            where Pixels(2, 5, 4).All(p => after[Index(image, p.C, p.Y, p.X)] == Before(image, p.C, p.Y + down, p.X + right))
                            select (down, right)).ToList();
            shifts.Add(Assert.Single(matching));
        }

        // 64 of 25 equally likely shifts: 23 different ones are expected.
        Assert.InRange(shifts.Count, 18, 25);

        int Index(int image, int c, int y, int x) => (((((image * 2) + c) * 5) + y) * 4) + x;
        float Before(int image, int c, int y, int x) => y is >= 0 and < 5 && x is >= 0 and < 4 ? before[Index(image, c, y, x)] : 0;
    }

    [Fact]
    public void Flips_mirror_the_share_of_images_that_is_asked_for()
    {
        using var batch = Batch(count: 400, channels: 1, height: 1, width: 4);
        float[][] before = [.. Values(batch.Images).Chunk(4)];
        ImageAugmentation.HorizontalFlip(0.25).Apply(batch, new Random(1));
        float[][] after = [.. Values(batch.Images).Chunk(4)];
        int mirrored = before.Zip(after).Count(pair => pair.First.Reverse().SequenceEqual(pair.Second));
        int same = before.Zip(after).Count(pair => pair.First.SequenceEqual(pair.Second));
        Assert.Equal(400, mirrored + same);
        Assert.InRange(mirrored, 70, 130);
    }

    [Fact]
    public void A_resized_crop_is_a_bilinear_enlargement_of_a_rectangle()
    {
        // A plane a*x + b*y + c stays one under bilinear interpolation: its slopes tell the size of the rectangle, its value the place.
        Tensor ramp = (arange(16, dtype: float32).view(1, 1, 1, 16) * 8) + arange(16, dtype: float32).view(1, 1, 16, 1);
        using var batch = new AugmentedBatch(ramp.repeat(200, 1, 1, 1), zeros(200, dtype: int64));
        ImageAugmentation.RandomResizedCrop(minScale: 0.3, maxScale: 0.6, maxAspect: 1.5).Apply(batch, new Random(1));
        foreach (float[] image in Values(batch.Images).Chunk(256))
        {
            double width = (image[(8 * 16) + 9] - image[(8 * 16) + 7]) / 16.0;
            double height = (image[(9 * 16) + 8] - image[(7 * 16) + 8]) / 2.0;
            Assert.InRange(width * height, 0.299, 0.601);
            Assert.InRange(width / height, 1 / 1.501, 1.501);
            Assert.All(image, value => Assert.InRange(value, 0, 15 * 9));
        }
    }

    [Fact]
    public void A_quarter_of_an_image_is_enlarged_as_torch_interpolates()
    {
        Tensor image = rand(1, 3, 12, 12);
        Tensor enlarged = Sampling.Affine(image, [0.5f, 0, -0.5f, 0, 0.5f, 0.5f], GridSampleMode.Bilinear, GridSamplePaddingMode.Border);
        Tensor expected = nn.functional.interpolate(
            image.slice(2, 6, 12, 1).slice(3, 0, 6, 1), scale_factor: [2, 2], mode: InterpolationMode.Bilinear, align_corners: false);

        // At the inner edges of the quarter, the interpolation of the whole image sees the pixels beyond.
        AssertClose(Values(expected.slice(2, 1, 12, 1).slice(3, 0, 11, 1)), enlarged.slice(2, 1, 12, 1).slice(3, 0, 11, 1));
    }

    [Fact]
    public void Brightness_contrast_and_saturation_follow_their_formulas()
    {
        float[] pixel = [200, 100, 50];
        Tensor image = tensor(pixel, [1, 3, 1, 1]);
        float gray = (0.299f * 200) + (0.587f * 100) + (0.114f * 50);
        AssertClose([100, 50, 25], PixelOperations.Brightness(image, Factor(0.5f)));
        AssertClose([255, 200, 100], PixelOperations.Brightness(image, Factor(2)));
        AssertClose([.. pixel.Select(v => gray + (0.5f * (v - gray)))], PixelOperations.Saturation(image, Factor(0.5f)));
        AssertClose([.. pixel.Select(v => gray + (0.5f * (v - gray)))], PixelOperations.Contrast(image, Factor(0.5f)));
        Tensor two = tensor(new float[] { 40, 80 }, [1, 1, 1, 2]);
        AssertClose([50, 70], PixelOperations.Contrast(two, Factor(0.5f)));
        Assert.Equal([40f, 80f], Values(PixelOperations.Saturation(two, Factor(0))));
    }

    [Theory]
    [InlineData(255, 0, 0, 1 / 3.0, 0, 255, 0)]
    [InlineData(255, 0, 0, -1 / 3.0, 0, 0, 255)]
    [InlineData(200, 100, 50, 0.5, 50, 150, 200)]
    [InlineData(200, 100, 50, 0, 200, 100, 50)]
    [InlineData(50, 60, 200, 0, 50, 60, 200)]
    [InlineData(70, 70, 70, 0.3, 70, 70, 70)]
    public void Hue_turns_around_the_colour_circle(float r, float g, float b, double turn, float r2, float g2, float b2) =>
        AssertClose([r2, g2, b2], PixelOperations.Hue(tensor(new[] { r, g, b }, [1, 3, 1, 1]), Factor((float)turn)), 0.01);

    [Fact]
    public void Auto_contrast_equalize_solarize_posterize_and_sharpness_follow_Pillow()
    {
        AssertClose([0, 127.5f, 255], PixelOperations.AutoContrast(tensor(new float[] { 50, 75, 100 }, [1, 1, 1, 3])));
        AssertClose([9, 9, 9], PixelOperations.AutoContrast(tensor(new float[] { 9, 9, 9 }, [1, 1, 1, 3])));
        AssertClose([100, 55, 105], PixelOperations.Solarize(tensor(new float[] { 100, 200, 150 }, [1, 1, 1, 3]), Factor(128)));
        AssertClose([96, 192, 0], PixelOperations.Posterize(tensor(new float[] { 100, 200, 31 }, [1, 1, 1, 3]), Factor(32)));

        // Vectors/make_augmentation_vectors.py: Pillow's own results.
        var vectors = VectorFile.Read("augmentation.json");
        float[] image = VectorFile.Bytes(vectors.GetProperty("image"));
        Tensor tensorOf = tensor(image, [1, 1, 32, 32]);
        AssertClose(VectorFile.Bytes(vectors.GetProperty("equalize")), PixelOperations.Equalize(tensorOf));
        AssertClose(VectorFile.Bytes(vectors.GetProperty("autoContrast")), PixelOperations.AutoContrast(tensorOf), 1);
        AssertClose(VectorFile.Bytes(vectors.GetProperty("sharpness")), PixelOperations.Sharpness(tensorOf, Factor(1.8f)), 1.5);
        AssertClose(VectorFile.Bytes(vectors.GetProperty("blurred")), PixelOperations.Sharpness(tensorOf, Factor(0)), 1);
    }

    [Fact]
    public void A_rotation_by_a_right_angle_moves_pixels_as_the_view_does()
    {
        // Both turn counter-clockwise: what RandAugment turns a little, Rotation turns by 90 degrees.
        Tensor images = rand(2, 3, 8, 8) * 255;
        Tensor turned = Sampling.Affine(images, [0, -1, 0, 1, 0, 0, 0, -1, 0, 1, 0, 0], GridSampleMode.Nearest, GridSamplePaddingMode.Zeros);
        AssertClose(Values(images.rot90(1, (2, 3))), turned);
    }

    [Fact]
    public void Cutout_greys_a_square_around_a_pixel_and_no_more()
    {
        using var batch = new AugmentedBatch(zeros(300, 1, 6, 6), zeros(300, dtype: int64));
        ImageAugmentation.Cutout(3).Apply(batch, new Random(1));
        var corners = new HashSet<(int, int, int, int)>();
        foreach (float[] image in Values(batch.Images).Chunk(36))
        {
            var gray = Pixels(1, 6, 6).Where(p => image[(p.Y * 6) + p.X] == 127.5f).ToList();
            var (left, top, right, bottom) = (gray.Min(p => p.X), gray.Min(p => p.Y), gray.Max(p => p.X), gray.Max(p => p.Y));
            Assert.Equal((right - left + 1) * (bottom - top + 1), gray.Count);
            Assert.True((right - left == 2 || left == 0 || right == 5) && (bottom - top == 2 || top == 0 || bottom == 5));
            corners.Add((left, top, right, bottom));
        }

        // Around each of the 36 pixels.
        Assert.Equal(36, corners.Count);
        Assert.Null(batch.Targets.OtherLabels);
    }

    [Fact]
    public void CutMix_is_the_batch_computed_by_hand()
    {
        using var batch = ThreeImages();
        CutMix.Mix(batch, [1, 2, 0], [new Box(0, 0, 1, 2), new Box(1, 1, 3, 2), default]);
        Assert.Equal(
            [
                10, 1, 2, 13, 4, 5,
                10, 11, 12, 13, 24, 25,
                20, 21, 22, 23, 24, 25,
            ],
            Values(batch.Images));
        Assert.Equal([0L, 1, 2], batch.Targets.Labels.data<long>().ToArray());
        Assert.Equal([1L, 2, 0], batch.Targets.OtherLabels!.data<long>().ToArray());
        AssertClose([4 / 6f, 4 / 6f, 1], batch.Targets.Shares!);
    }

    [Fact]
    public void Mixup_is_the_batch_computed_by_hand()
    {
        using var batch = ThreeImages();
        Mixup.Mix(batch, [2, 1, 0], [0.75f, 0.5f, 0]);
        AssertClose(
            [
                5, 6, 7, 8, 9, 10,
                10, 11, 12, 13, 14, 15,
                0, 1, 2, 3, 4, 5,
            ],
            batch.Images);
        Assert.Equal([2L, 1, 0], batch.Targets.OtherLabels!.data<long>().ToArray());
        AssertClose([0.75f, 0.5f, 0], batch.Targets.Shares!);
    }

    [Theory]
    [InlineData(1.0, 1.0)]
    [InlineData(0.2, 1.0)]
    [InlineData(1.0, 0.5)]
    public void Shares_have_the_moments_of_the_beta_distribution(double alpha, double probability)
    {
        var random = new Random(1);
        using var batch = new AugmentedBatch(zeros(20_000, 1, 1, 1), zeros(20_000, dtype: int64));
        ImageAugmentation.Mixup(alpha, probability).Apply(batch, random);
        float[] shares = Values(batch.Targets.Shares!);
        double mixed = shares.Average(share => share == 1 ? 0.0 : 1);
        double variance = shares.Where(share => share != 1).Average(share => Math.Pow(share - 0.5, 2));
        Assert.Equal(probability, mixed, 0.03);
        Assert.Equal(1 / (4 * ((2 * alpha) + 1)), variance, 0.005);
    }

    [Fact]
    public void The_share_of_CutMix_is_the_share_of_pixels()
    {
        using var batch = new AugmentedBatch(arange(64, dtype: float32).view(64, 1, 1, 1).repeat(1, 1, 7, 5), arange(64));
        ImageAugmentation.CutMix(probability: 0.8).Apply(batch, new Random(2));
        var own = Values(batch.Images).Chunk(35).Select((image, i) => image.Count(value => value == i) / 35f).ToArray();
        long[] others = batch.Targets.OtherLabels!.data<long>().ToArray();
        float[] shares = Values(batch.Targets.Shares!);
        Assert.All(Enumerable.Range(0, 64), i => Assert.True(Math.Abs(own[i] - shares[i]) < 1e-6 || others[i] == i));
        Assert.Contains(shares, share => share < 0.5);
    }

    [Theory]
    [InlineData(SlaObjective.Baseline)]
    [InlineData(SlaObjective.DataAugmentation)]
    [InlineData(SlaObjective.MultiTask)]
    [InlineData(SlaObjective.Sla)]
    [InlineData(SlaObjective.SlaSelfDistillation)]
    public void The_loss_of_a_mixed_batch_is_the_mean_of_both_labels_losses_by_share(SlaObjective kind)
    {
        // One image at a time, as a share belongs to an image.
        int views = kind == SlaObjective.Baseline ? 1 : 4;
        var objective = SlaObjectives.Create(kind, Classes, views, new ObjectiveSettings(LabelSmoothing: 0.1));
        using var heads = new Heads(5, objective.Heads, new Random(1));
        Gen.Select(Gen.Int[0, Classes - 1], Gen.Int[0, Classes - 1], Gen.Float[0, 1], Gen.Int[0, 1000]).Sample(
            (own, other, share, seed) =>
            {
                using var scope = NewDisposeScope();
                var random = new Random(seed);
                Tensor embeddings = tensor(Enumerable.Range(0, views * 5).Select(_ => random.NextSingle() - 0.5f).ToArray(), [views, 5]);
                using var draw = ViewDraw.All(1, views, CPU);
                double Loss(ClassTargets targets) => objective.Loss(embeddings, heads, targets, draw).item<float>();
                Tensor Label(long label) => tensor(new[] { label });
                double mixed = Loss(new ClassTargets(Label(own), Label(other), tensor(new[] { share })));
                double expected = (share * Loss(new ClassTargets(Label(own)))) + ((1 - share) * Loss(new ClassTargets(Label(other))));
                Assert.Equal(expected, mixed, 1e-4);
            },
            iter: 30,
            threads: 1);
    }

    [Fact]
    public void Each_view_of_a_mix_is_the_mix_of_the_views()
    {
        var shape = new ImageShape(3, 6, 6);
        foreach (var set in new[] { TransformationSet.Rotation, TransformationSet.ColorPermutation, TransformationSet.Compose(TransformationSet.Rotation2, TransformationSet.ColorPermutation3) })
        {
            using var views = new ViewAugmenter(set, shape, CPU);
            Tensor images = rand(4, 3, 6, 6) * 255;
            long[] partners = [2, 3, 1, 0];
            float[] shares = [0.3f, 0.6f, 0.9f, 0.1f];
            using var mixedFirst = new AugmentedBatch(images.clone(), zeros(4, dtype: int64));
            Mixup.Mix(mixedFirst, partners, shares);

            int count = set.Count;
            using var viewsFirst = new AugmentedBatch(views.Views(images.view(4, -1)), zeros(4 * count, dtype: int64));
            Mixup.Mix(viewsFirst, [.. partners.SelectMany(p => Enumerable.Range(0, count).Select(j => (p * count) + j))], [.. shares.SelectMany(s => Enumerable.Repeat(s, count))]);
            AssertClose(Values(viewsFirst.Images.contiguous()), views.Views(mixedFirst.Images.view(4, -1)).contiguous());
        }
    }

    [Theory]
    [InlineData("crop")]
    [InlineData("scale")]
    [InlineData("flip")]
    [InlineData("magnitude")]
    [InlineData("two mixes")]
    public void Values_that_cannot_be_are_refused_at_once(string what) => Assert.ThrowsAny<ArgumentException>(() =>
    {
        switch (what)
        {
            case "crop":
                ImageAugmentation.RandomCrop(0);
                break;
            case "scale":
                ImageAugmentation.RandomResizedCrop(0.5, 0.4);
                break;
            case "flip":
                ImageAugmentation.HorizontalFlip(1.5);
                break;
            case "magnitude":
                ImageAugmentation.RandAugment(magnitude: 31);
                break;
            default:
                new MLContext().MulticlassClassification.Trainers.Sla(new SlaTrainer.Options { Augmentations = [ImageAugmentation.Mixup(), ImageAugmentation.CutMix()] });
                break;
        }
    });

    private static Tensor Factor(float value) => tensor(new[] { value }, [1, 1, 1, 1]);

    private static AugmentedBatch Batch(int count, int channels, int height, int width)
    {
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, count * channels * height * width).Select(_ => (float)random.Next(1, 256))];
        return new AugmentedBatch(tensor(values, [count, channels, height, width]), arange(count));
    }

    /// <summary>Three images of 2 x 3 pixels: 0 to 5, 10 to 15 and 20 to 25, of the classes 0, 1 and 2.</summary>
    private static AugmentedBatch ThreeImages() => new(
        (arange(6, dtype: float32).view(1, 1, 2, 3) + (10 * arange(3, dtype: float32).view(3, 1, 1, 1))).contiguous(), arange(3));

    private static IEnumerable<(int C, int Y, int X)> Pixels(int channels, int height, int width) =>
        from c in Enumerable.Range(0, channels) from y in Enumerable.Range(0, height) from x in Enumerable.Range(0, width) select (c, y, x);

    private static float[] Values(Tensor values) => values.contiguous().data<float>().ToArray();

    private static void AssertClose(float[] expected, Tensor actual, double tolerance = 1e-3) =>
        Assert.All(expected.Zip(Values(actual)), pair => Assert.Equal(pair.First, pair.Second, tolerance));
}
