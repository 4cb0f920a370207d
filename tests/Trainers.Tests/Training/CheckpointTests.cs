using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Tests.Native;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Runs that are cancelled, fail or are killed, and are taken up again.</summary>
public sealed class CheckpointTests : FolderTest
{
    private const string FolderVariable = "SLA_TEST_CHECKPOINT_FOLDER";
    private const int Epochs = 12;

    private readonly MLContext _mlContext = new(seed: 1);

    [Fact]
    public async Task Killed_at_any_step_ten_times_it_comes_to_the_network_of_the_uninterrupted_run()
    {
        if (TestProcess.IsThis)
        {
            var killed = Options(Environment.GetEnvironmentVariable(FolderVariable)!);
            killed.Resume = true;
            killed.Observers = [new Slow()];
            Weights(killed);
            return;
        }

        var expected = Weights(Options(InFolder("whole")));
        string folder = InFolder("killed");
        var random = new Random(Environment.TickCount);
        int kills = 0;
        while (kills < 10)
        {
            // A process that takes up the run and is killed, as the system kills, within its first or second step.
            using var training = TestProcess.Start(GetType(), nameof(Killed_at_any_step_ten_times_it_comes_to_the_network_of_the_uninterrupted_run), FolderVariable, folder);
            long before = StepOf(folder);
            while (!training.HasExited && StepOf(folder) <= before)
                await Task.Delay(1, TestContext.Current.CancellationToken);
            await Task.Delay(random.Next(60), TestContext.Current.CancellationToken);
            if (training.HasExited)
                break;
            training.Kill();
            await training.WaitForExitAsync(TestContext.Current.CancellationToken);
            kills++;
        }

        Assert.Equal(10, kills);
        var options = Options(folder);
        options.Resume = true;
        Assert.Equal(expected, Weights(options));
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData("folder", 2)]
    public void Cancelled_it_leaves_a_checkpoint_that_the_message_names_and_the_run_goes_on_from(string? folder, int threads)
    {
        var whole = Options(InFolder("whole"));
        whole.Threads = threads;
        var expected = Weights(whole);

        using var cancellation = new CancellationTokenSource();
        var options = Options(folder is null ? null : InFolder(folder));
        options.Threads = threads;
        options.CheckpointSteps = 1000;
        options.CancellationToken = cancellation.Token;
        options.Observers = [new AtStep(9, cancellation.Cancel)];
        string message = Assert.ThrowsAny<OperationCanceledException>(() => Weights(options)).Message;
        Assert.Contains("Resume to true", message, StringComparison.Ordinal);
        string left = System.Text.RegularExpressions.Regex.Match(message, "CheckpointFolder to '([^']+)'").Groups[1].Value;
        Assert.True(File.Exists(Path.Combine(left, "checkpoint.safetensors")));

        var again = Options(left);
        again.Threads = threads;
        again.Resume = true;
        Assert.Equal(expected, Weights(again));
        Assert.Empty(Directory.GetFiles(left, "*.tmp"));
        if (folder is null)
            Directory.Delete(left, recursive: true);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(12)]
    public void Deferred_weights_and_balanced_epochs_are_taken_up_where_they_were(int cancelledAt)
    {
        // 18 steps, and weights from the 9th on.
        SlaTrainer.Options Uneven(string folder)
        {
            var options = Options(InFolder(folder));
            options.Epochs = Epochs / 2;
            options.Threads = 1;
            options.ValidationSetFraction = null;
            options.ClassificationLoss = ClassificationLoss.Ldam();
            options.ClassWeighting = ClassWeighting.InverseFrequency;
            options.DeferredReweighting = 0.5;
            options.BalancedSampling = true;
            return options;
        }

        byte[] Train(SlaTrainer.Options options) => Weights(options, Training.Images(_mlContext, FashionImages.TrainUneven(20, 4)));

        var expected = Train(Uneven("whole"));
        using var cancellation = new CancellationTokenSource();
        var options = Uneven("cancelled");
        options.CancellationToken = cancellation.Token;
        options.Observers = [new AtStep(cancelledAt, cancellation.Cancel)];
        Assert.ThrowsAny<OperationCanceledException>(() => Train(options));
        Assert.InRange(StepOf(InFolder("cancelled")), cancelledAt, cancelledAt + 3);

        var again = Uneven("cancelled");
        again.Resume = true;
        Assert.Equal(expected, Train(again));
        var weighted = Uneven("from the start");
        weighted.DeferredReweighting = null;
        Assert.NotEqual(expected, Train(weighted));
    }

    [Fact]
    public void A_failure_in_the_middle_leaves_the_last_checkpoint_and_says_where_it_is()
    {
        var messages = new LogMessages(_mlContext);
        var options = Options(Folder);
        options.Observers = [new AtStep(9, () => throw new FormatException("of the observer"))];
        Assert.Throws<FormatException>(() => Weights(options));
        Assert.Contains(messages, message => message.Contains("The training failed after step", StringComparison.Ordinal) && message.Contains(Folder, StringComparison.Ordinal));
        Assert.InRange(StepOf(Folder), 8, 12);
    }

    [Fact]
    public void A_finished_run_is_taken_up_as_its_model_and_leaves_nothing_in_the_temporary_folder()
    {
        var options = Options(Folder);
        var expected = Weights(options);
        options.Resume = true;
        options.Observers = [new AtStep(1, () => Assert.Fail("A step was made."))];
        Assert.Equal(expected, Weights(options));

        var place = new CheckpointPlace();
        var elsewhere = Options(null);
        elsewhere.Observers = [place];
        Weights(elsewhere);
        Assert.True(place.WasThere);
        Assert.False(Directory.Exists(place.Folder));
    }

    [Fact]
    public void A_checkpoint_of_an_unfinished_run_is_not_overwritten_unasked()
    {
        Interrupt(Options(Folder));
        string message = Assert.Throws<InvalidOperationException>(() => Weights(Options(Folder))).Message;
        Assert.Contains("Set Resume to true", message, StringComparison.Ordinal);
        Assert.Contains(Folder, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rate", "LearningRate: 0.05 there and 0.01 here")]
    [InlineData("seed", "Seed: 7 there and 8 here")]
    [InlineData("objective", "Objective: SlaSelfDistillation")]
    [InlineData("rows", "Rows and labels")]
    [InlineData("loss", "ClassificationLoss: the default there and Focal(2) here")]
    [InlineData("weighting", "ClassWeighting: the default there and ClassBalanced(0.9) here")]
    [InlineData("deferred", "DeferredReweighting: the default there and 0.5 here")]
    [InlineData("sampling", "BalancedSampling: the default there and True here")]
    public void A_checkpoint_of_another_run_is_refused_with_the_difference(string what, string expected)
    {
        Interrupt(Options(Folder));
        var options = Options(Folder);
        options.Resume = true;
        options.LearningRate = what == "rate" ? 0.01 : options.LearningRate;
        options.Seed = what == "seed" ? 8 : options.Seed;
        options.Objective = what == "objective" ? SlaObjective.Sla : options.Objective;
        options.ClassificationLoss = what == "loss" ? ClassificationLoss.Focal() : options.ClassificationLoss;
        options.ClassWeighting = what is "weighting" or "deferred" ? ClassWeighting.ClassBalanced(0.9) : options.ClassWeighting;
        options.DeferredReweighting = what == "deferred" ? 0.5 : null;
        options.BalancedSampling = what == "sampling";
        string message = Assert.Throws<InvalidOperationException>(() => Weights(options, perClass: what == "rows" ? 15 : 16)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_whose_best_weights_are_of_another_network_is_refused_by_name()
    {
        Interrupt(Options(Folder));
        var file = new CheckpointFile(Folder);
        var (header, state) = (file.ReadHeader(), file.ReadState());
        Assert.NotNull(state.Best);
        file.Write(header.Identity, state with { Best = new Networks.Weights { ["other"] = ([1], [1f]) } }, isFinished: false);

        var options = Options(Folder);
        options.Resume = true;
        Assert.Contains(file.Path, Assert.Throws<InvalidDataException>(() => Weights(options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_to_is_an_error_before_the_first_step()
    {
        string file = InFolder("file");
        File.WriteAllText(file, "");
        var options = Options(Path.Combine(file, "folder"));
        options.Observers = [new AtStep(1, () => Assert.Fail("A step was made."))];
        Assert.Contains("CheckpointFolder", Assert.Throws<IOException>(() => Weights(options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_written_any_more_is_warned_of_and_stops_nothing()
    {
        string folder = InFolder("checkpoint");
        var options = Options(folder);
        options.Observers =
        [
            new AfterCheckpoint(() =>
            {
                Directory.Delete(folder, recursive: true);
                File.WriteAllText(folder, "");
            }),
        ];
        var messages = new LogMessages(_mlContext);
        Assert.Equal(Weights(Options(folder: null), perClass: 8), Weights(options, perClass: 8));
        Assert.Contains(messages, message => message.Contains($"The checkpoint '{folder}", StringComparison.Ordinal) && message.Contains("free space there", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_is_no_checkpoint_is_named()
    {
        using (var stream = File.Create(InFolder("checkpoint.safetensors")))
            SafetensorsFile.Write(stream, [("a", [1L], [1f])], new Dictionary<string, string>());
        Assert.Contains(Folder, Assert.Throws<InvalidDataException>(() => Weights(Options(Folder))).Message, StringComparison.Ordinal);
    }

    /// <summary>What a checkpoint must carry besides the weights: the averages, the best epoch, momentum, the epoch's order.</summary>
    private static SlaTrainer.Options Options(string? folder)
    {
        var options = Training.Options();
        options.Epochs = Epochs;
        options.BatchSize = 8;
        options.ViewsPerStep = 2;
        options.ValidationSetFraction = 0.25f;
        options.WeightAveraging = 0.9;
        options.GradientClipping = 5;
        options.Augmentations = [.. options.Augmentations, ImageAugmentation.CutMix()];
        options.CheckpointFolder = folder;
        options.CheckpointSteps = 1;
        return options;
    }

    private byte[] Weights(SlaTrainer.Options options, int perClass = 16) => Weights(options, Training.Images(_mlContext, classes: 2, perClass));

    private byte[] Weights(SlaTrainer.Options options, IDataView images)
    {
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        return Training.OnnxOf(model);
    }

    private void Interrupt(SlaTrainer.Options options)
    {
        using var cancellation = new CancellationTokenSource();
        options.CancellationToken = cancellation.Token;
        options.Observers = [new AtStep(3, cancellation.Cancel)];
        Assert.ThrowsAny<OperationCanceledException>(() => Weights(options));
    }

    private static long StepOf(string folder)
    {
        var checkpoint = new CheckpointFile(folder);
        return checkpoint.Exists ? checkpoint.ReadHeader().Step : 0;
    }

    /// <summary>Acts at the first report at or after a step: reports come with each epoch, and half-seconds.</summary>
    private sealed class AtStep(long step, Action act) : ITrainingObserver
    {
        public void OnProgress(TrainingProgress metrics) => Act(metrics);

        public void OnEpochEnd(TrainingProgress metrics) => Act(metrics);

        private void Act(TrainingProgress metrics)
        {
            if (metrics.Step >= step)
                act();
        }
    }

    /// <summary>Finds out where a run keeps its checkpoint.</summary>
    private sealed class AfterCheckpoint(Action act) : ITrainingObserver
    {
        public void OnCheckpoint(string path, long stepsDone) => act();
    }

    private sealed class CheckpointPlace : ITrainingObserver
    {
        public string Folder { get; private set; } = "";

        public bool WasThere { get; private set; }

        public void OnStart(TrainingStarted plan)
        {
            Folder = Path.GetDirectoryName(plan.CheckpointPath)!;
            WasThere = File.Exists(plan.CheckpointPath);
        }
    }

    /// <summary>Gives the test the time to kill.</summary>
    private sealed class Slow : ITrainingObserver
    {
        public void OnCheckpoint(string path, long stepsDone) => Thread.Sleep(100);
    }
}
