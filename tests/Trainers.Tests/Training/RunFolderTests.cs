using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tests.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The folder of a checkpoint: who may use it, what may be in it, and what is left of it.</summary>
public sealed class RunFolderTests : FolderTest
{
    private const string FolderVariable = "SLA_TEST_RUN_FOLDER";
    private const string CheckpointName = "checkpoint.safetensors";

    private readonly MLContext _mlContext = new(seed: 1);

    [Fact]
    public void A_second_training_in_the_folder_is_refused_at_once_and_the_first_is_not_disturbed()
    {
        string? message = null;
        var options = Options();
        options.Observers = [new OnStart(() => message = Assert.Throws<IOException>(() => Fit(Options())).Message)];
        Fit(options);

        Assert.Contains(Folder, message, StringComparison.Ordinal);
        Assert.Contains("another training uses it", message, StringComparison.Ordinal);
        Assert.Equal([CheckpointName], Directory.GetFiles(Folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_folder_of_another_process_is_refused_until_that_is_killed()
    {
        using var process = TestProcess.Start(GetType(), nameof(Has_the_folder_until_it_is_killed), FolderVariable, Folder);
        while (!File.Exists(InFolder(CheckpointName)) && !process.HasExited)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(process.HasExited);
        var options = Options();
        options.Resume = true;
        Assert.Contains("another training uses it", Assert.Throws<IOException>(() => Fit(options)).Message, StringComparison.Ordinal);
        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Fit(options);
    }

    [Fact]
    public void Has_the_folder_until_it_is_killed()
    {
        if (!TestProcess.IsThis)
            return;
        var options = Options();
        options.CheckpointFolder = Environment.GetEnvironmentVariable(FolderVariable);
        options.Observers = [new OnStart(() => Thread.Sleep(TimeSpan.FromMinutes(1)))];
        Fit(options);
    }

    [Theory]
    [InlineData("photo.png")]
    [InlineData("notes")]
    public void A_folder_with_something_else_is_refused_and_left_as_it_is(string name)
    {
        File.WriteAllText(InFolder(name), "mine");

        string message = Assert.Throws<InvalidDataException>(() => Fit(Options())).Message;

        Assert.All([Folder, $"'{name}'", "CheckpointFolder"], part => Assert.Contains(part, message, StringComparison.Ordinal));
        Assert.Equal([name], Directory.GetFileSystemEntries(Folder).Select(Path.GetFileName));
        Assert.Equal("mine", File.ReadAllText(InFolder(name)));
    }

    [Theory]
    [InlineData("training.lock")]
    [InlineData(CheckpointName)]
    public void A_link_in_the_folder_changes_nothing_where_it_leads(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights there.");
        string other = Path.GetTempFileName();
        try
        {
            File.WriteAllText(other, "of somebody else");
            var written = File.GetLastWriteTimeUtc(other);
            File.CreateSymbolicLink(InFolder(name), other);
            var options = Options();
            string message = Assert.ThrowsAny<Exception>(() => Fit(options)).Message;

            Assert.Contains(InFolder(name), message, StringComparison.Ordinal);
            Assert.Equal("of somebody else", File.ReadAllText(other));
            Assert.Equal(written, File.GetLastWriteTimeUtc(other));
        }
        finally
        {
            File.Delete(other);
        }
    }

    [Fact]
    public void What_a_killed_process_has_left_unfinished_is_deleted_and_a_folder_that_stays_empty_too()
    {
        File.WriteAllText(InFolder(CheckpointName + ".0123.tmp"), "half");
        Fit(Options());
        Assert.Equal([CheckpointName], Directory.GetFiles(Folder).Select(Path.GetFileName));

        var options = Options();
        options.CheckpointFolder = InFolder("new");
        Assert.ThrowsAny<Exception>(() => Fit(options, Training.Images(_mlContext, classes: 1)));
        Assert.False(Directory.Exists(options.CheckpointFolder));
    }

    [Fact]
    public void After_a_loss_that_is_no_number_a_lower_rate_begins_anew_in_the_same_folder()
    {
        var options = Options();
        (options.LearningRate, options.CheckpointSteps) = (1e4, 1);
        string message = Assert.Throws<InvalidOperationException>(() => Fit(options)).Message;
        Assert.All(["Lower LearningRate", "begins anew"], part => Assert.Contains(part, message, StringComparison.Ordinal));
        Assert.Equal([InFolder("checkpoint.safetensors.diverged")], Directory.GetFiles(Folder));
        Assert.Contains("checkpoint.safetensors.diverged", message, StringComparison.Ordinal);

        (options.LearningRate, options.Resume) = (0.05, true);
        Fit(options);
    }

    [Fact]
    public void A_training_whose_folder_is_deleted_has_a_model_and_claims_no_checkpoint()
    {
        var messages = new LogMessages(_mlContext);
        var options = Options();
        options.CheckpointFolder = InFolder("gone");
        options.Observers = [new OnEpoch(() => Delete(options.CheckpointFolder))];
        Fit(options);

        options.Observers = [new OnEpoch(() =>
        {
            Delete(options.CheckpointFolder);
            throw new FormatException();
        })];
        Assert.Throws<FormatException>(() => Fit(options));
        Assert.Contains(messages, message => message.Contains("There is no checkpoint", StringComparison.Ordinal));
        Assert.DoesNotContain(messages, message => message.Contains("to resume from it", StringComparison.Ordinal));
    }

    [Fact]
    public void One_at_a_time_has_a_lock_however_often_it_is_taken_and_let_go()
    {
        const int Threads = 8, Rounds = 2000;
        int holders = 0, most = 0, taken = 0;
        string path = InFolder("a.lock");
        Parallel.For(0, Threads, _ =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                using var held = FolderLock.TryTake(path);
                if (held is null)
                    continue;
                most = Math.Max(most, Interlocked.Increment(ref holders));
                Interlocked.Increment(ref taken);
                Thread.Yield();
                Interlocked.Decrement(ref holders);
            }
        });

        Assert.Equal(1, most);
        Assert.True(taken > Threads, $"{taken}");
        Assert.False(File.Exists(path));
    }

    private SlaTrainer.Options Options()
    {
        var options = Training.Options(SlaObjective.Baseline);
        options.CheckpointFolder = Folder;
        return options;
    }

    private void Fit(SlaTrainer.Options options, IDataView? images = null)
    {
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images ?? Training.Images(_mlContext, classes: 2, perClass: 16));
    }

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    private sealed class OnStart(Action act) : ITrainingObserver
    {
        void ITrainingObserver.OnStart(TrainingStarted plan) => act();
    }

    private sealed class OnEpoch(Action act) : ITrainingObserver
    {
        public void OnEpochEnd(TrainingProgress metrics) => act();
    }
}
