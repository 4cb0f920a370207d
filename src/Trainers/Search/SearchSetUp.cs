using System.Globalization;
using System.Security.Cryptography;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>
/// Sets a search up: opens its folder, reads the rows, removes from the search space what is impossible for the images, and starts the search.
/// </summary>
/// <param name="host">ML.NET's environment.</param>
/// <param name="options">The options of the experiment.</param>
/// <param name="request">The caller's settings. They must be checked already.</param>
internal sealed class SearchSetUp(IHost host, SlaExperiment.Options options, SearchRequest request)
{
    /// <summary>Sets the search up and runs it.</summary>
    /// <inheritdoc cref="SlaExperiment.RunAsync"/>
    public SlaExperimentResult Run(CancellationToken cancellationToken)
    {
        using var channel = host.Start("Search");
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, options.Trainer.CancellationToken);
        using var folder = new SearchFolder(options.Folder);
        var clock = new SearchClock(SecondsBefore(folder), () => MLNetInternals.IsCanceled(host), cancellation.Token);
        var settings = NewSettings(folder, cancellation.Token);

        var reader = new SlaTrainer(host, ReadingOptions(settings.BaseOptions, cancellation.Token));
        var pretrained = reader.ReadPretrained();
        var features = reader.CheckFeatures(request.Train!);
        if (features.Kind != FeatureKind.Image)
            (settings.BaseOptions.ImageWidth, settings.BaseOptions.ImageHeight) = (features.Shape.Width, features.Shape.Height);
        var space = NewSpace(channel, settings, features, cancellation.Token);
        var rows = new SearchRows(host, channel, request, cancellation.Token);
        var runner = new TrialRunner(host, channel, space, rows, pretrained, folder);
        var task = new SearchTask(settings, space, request.Folds, Identity(settings, rows.Of(space.Options(space.Default)), runner.Identity(space.Default)));
        CheckFolder(folder, task.Identity);
        runner.WarnOfClasses(space.Default);
        return new SuccessiveHalving(task, runner, folder, new TrialLog(channel, request.Monitor), clock).Run();
    }

    /// <summary>Seconds that the search took before it was resumed.</summary>
    private static double SecondsBefore(SearchFolder folder) => folder.Records.Max(record => record.Ended ?? record.Interval?.Elapsed) ?? 0;

    private SearchSettings NewSettings(SearchFolder folder, CancellationToken cancellationToken)
    {
        var baseOptions = options.Trainer.Clone();
        baseOptions.Seed ??= folder.Plan is { } plan ? int.Parse(plan.Identity["Seed"], CultureInfo.InvariantCulture) : host.Rand.Next();
        baseOptions.Inference = request.Inference ?? baseOptions.Inference;
        baseOptions.ValidationSetFraction = request.HoldOut ? request.ValidationFraction : null;
        baseOptions.CancellationToken = default;
        baseOptions.CompareObjectives = false;
        cancellationToken.ThrowIfCancellationRequested();
        return new SearchSettings(baseOptions, request.Space.Dimensions, request.Metric, request.LatencyCeiling, request.Time, request.MaxTrials);
    }

    /// <summary>Options to look at the first image with. They have no transformations, because some shapes of images do not allow all of them.</summary>
    private static SlaTrainer.Options ReadingOptions(SlaTrainer.Options baseOptions, CancellationToken cancellationToken)
    {
        var reading = baseOptions.Clone();
        reading.CancellationToken = cancellationToken;
        reading.Transformations = TransformationSet.None;
        reading.ViewsPerStep = null;
        return reading;
    }

    /// <summary>The configurations that are possible for the images. Removes the transformations of the base options if they are not.</summary>
    private ConfigurationSpace NewSpace(IChannel channel, SearchSettings settings, FeatureColumn features, CancellationToken cancellationToken)
    {
        var shape = features.Shape;
        var dropped = new List<string>();
        bool isNetworkSearched = settings.Dimensions.Any(dimension => dimension is { Name: StandardDimensions.Architecture, Fixed: null });
        var images = new Lazy<ImageSurvey>(() => ImageSurvey.Of(request.Train!, features, cancellationToken.ThrowIfCancellationRequested));
        var subject = new SearchSubject(settings.BaseOptions, isNetworkSearched, images);
        Dimension[] dimensions = [.. settings.Dimensions.Select(dimension => dimension.Suiting(subject, dropped))];
        var space = new ConfigurationSpace(dimensions, settings.BaseOptions, shape, Objection);
        if (Objection(WithAllViews(space.Options(space.Default))) is not null && settings.Dimensions.Any(dimension => dimension is { Name: StandardDimensions.Transformations, Fixed: null }))
        {
            TrainerHost.Info(channel, $"{settings.BaseOptions.Transformations} is not possible for images of {shape}: the first trial has no transformations");
            settings.BaseOptions.Transformations = TransformationSet.None;
        }

        if (space.Objection(space.Default) is { } objection)
            throw new ArgumentException($"The options, with the values of the search space that are fixed, cannot be trained: {objection}");
        space = space.WithPossibleChoices(dropped);
        foreach (string reason in dropped)
            TrainerHost.Info(channel, $"left out of the search: {reason}");
        return space;

        static SlaTrainer.Options WithAllViews(SlaTrainer.Options options)
        {
            options.ViewsPerStep = null;
            return options;
        }

        string? Objection(SlaTrainer.Options options)
        {
            var wanted = ConfigurationSpace.ShapeOf(options, shape);
            if (features.Kind != FeatureKind.Image && wanted != shape)
                return $"the column '{features.Name}' has pixels of {shape}, which are not resized to {wanted}.";
            try
            {
                new SlaTrainer(host, options).CheckImages(wanted);
                return null;
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                return exception.Message;
            }
        }
    }

    private RunIdentity Identity(SearchSettings settings, TrialRows rows, IReadOnlyDictionary<string, string> training)
    {
        var all = request.Folds > 1 ? rows.Last : rows.Trainings[0];
        var entries = new Dictionary<string, string>(training)
        {
            ["Data set"] = Describe(all.Training) + (all.Validation is null ? "" : $", validation {Describe(all.Validation)}") + (request.Folds > 1 ? $", {request.Folds} folds" : ""),
            ["Rows held out to the end"] = request.HoldOut ? "the validation rows" : "none",
            ["Seed"] = FormattableString.Invariant($"{settings.BaseOptions.Seed}"),
            ["Epochs"] = request.Time is null ? FormattableString.Invariant($"{settings.BaseOptions.Epochs}") : "by time",
        };
        foreach (var (name, value) in settings.Identity)
            entries.Add(name, value);
        return new RunIdentity(entries);

        // Hashes the pixels of some rows only. The identity of the trainings covers the labels.
        static string Describe(RowSelection rows)
        {
            const int HashedRows = 1024;
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (int row in rows.Spread(HashedRows).Rows.Where(row => row < rows.Store.Resident))
                hash.AppendData(rows.Store.Pixels(row));
            return FormattableString.Invariant($"{rows.Rows.Length} images ({Convert.ToHexStringLower(hash.GetHashAndReset())[..16]})");
        }
    }

    private void CheckFolder(SearchFolder folder, RunIdentity identity)
    {
        if (folder.Plan is not { } plan)
            return;
        string[] differences = [.. identity.Differences(new RunIdentity(plan.Identity))];
        if (differences.Length > 0)
        {
            throw new InvalidOperationException(
                $"'{options.Folder}' has the record of another search: {string.Join("; ", differences)}. Set everything as it was to continue it, or give another Folder.");
        }
    }
}
