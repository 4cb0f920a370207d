using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>The rows of a search's trainings, with images of one size.</summary>
/// <param name="Trainings">The rows of each training of a trial: of one training, or of one for each fold.</param>
/// <param name="Last">The rows of the winner's last training: the first of <paramref name="Trainings"/>, or others.</param>
internal sealed record TrialRows(IReadOnlyList<TrainingRows> Trainings, TrainingRows Last);

/// <summary>Reads the rows of a search, once for each size of images that a configuration asks for. All sizes have the same division of the rows.</summary>
/// <param name="host">ML.NET's environment.</param>
/// <param name="channel">The log.</param>
/// <param name="request">The caller's settings.</param>
/// <param name="cancellationToken">Ends the reading.</param>
internal sealed class SearchRows(IHost host, IChannel channel, SearchRequest request, CancellationToken cancellationToken)
{
    private readonly Dictionary<(int? Width, int? Height), TrialRows> _bySize = [];

    /// <summary>Whether the winner's last training has other rows than a trial's training.</summary>
    public bool LastHasOtherRows => request.Folds > 1 || !request.HoldOut;

    /// <summary>Whether a trial has a training for each fold.</summary>
    public bool HasFolds => request.Folds > 1;

    /// <summary>The rows with the images as options ask for them.</summary>
    /// <exception cref="InvalidOperationException">The rows cannot be used, or they are others than those with images of another size.</exception>
    public TrialRows Of(SlaTrainer.Options options)
    {
        var size = (options.ImageWidth, options.ImageHeight);
        if (!_bySize.TryGetValue(size, out var rows))
        {
            rows = Read(options);
            CheckSameDivision(rows);
            _bySize[size] = rows;
        }

        return rows;
    }

    private TrialRows Read(SlaTrainer.Options options)
    {
        var reading = ReadingOptions(options);
        if (_bySize.Count > 0)
            reading.PixelMemory = Math.Max(1, new TrainerHost(host, "Sla", reading).PixelMemory - BytesInMemory());
        var all = new SlaTrainer(host, reading).ReadRows(channel, request.Train!, request.Validation);
        return new TrialRows(ByFolds(all, reading.Seed!.Value), LastRows(all));
    }

    /// <summary>Options to read the rows with. They have no transformations, because some shapes of images do not allow all of them.</summary>
    private SlaTrainer.Options ReadingOptions(SlaTrainer.Options options)
    {
        var reading = options.Clone();
        reading.ValidationSetFraction = request.ValidationFraction;
        reading.CancellationToken = cancellationToken;
        reading.CheckpointFolder = null;
        reading.Resume = false;
        reading.Transformations = TransformationSet.None;
        reading.ViewsPerStep = null;
        return reading;
    }

    private long BytesInMemory() => _bySize.Values
        .SelectMany(rows => new[] { rows.Trainings[0].Training.Store, rows.Trainings[0].Validation!.Store }
            .Distinct()
            .Select(store => (long)store.Resident * rows.Last.Features.Shape.Length))
        .Sum();

    /// <summary>The rows of each training of a trial.</summary>
    private List<TrainingRows> ByFolds(TrainingRows all, int seed)
    {
        List<TrainingRows> rows = request.Folds == 1
            ? [all]
            : [.. RowSplit.Folds(all.Training, request.Folds, seed).Select(fold => all with { Training = fold.Training, Validation = fold.Validation })];
        return rows.TrueForAll(training => training.Validation!.Rows.Length > 0)
            ? rows
            : throw new InvalidOperationException($"There are fewer rows than folds, {request.Folds}. Give more rows, or fewer folds.");
    }

    /// <summary>The rows of the winner's last training: all rows, or without the held-out rows if the caller asked to hold them out.</summary>
    private TrainingRows LastRows(TrainingRows all) => request.Folds == 1 && !request.HoldOut
        ? all with { Training = RowSplit.Union(all.Training, all.Validation!), Validation = null }
        : all;

    /// <summary>Trials with images of different sizes are compared row by row.</summary>
    private void CheckSameDivision(TrialRows rows)
    {
        if (_bySize.Count > 0 && !Division(_bySize.First().Value).SequenceEqual(Division(rows)))
            throw new InvalidOperationException("The data set has other rows when it is read again. Do not change it during the search, and do not shuffle it.");

        static IEnumerable<(long Position, int Label)> Division(TrialRows rows) => rows.Trainings.SelectMany(training => Rows(training.Training).Concat(Rows(training.Validation!)));

        static IEnumerable<(long Position, int Label)> Rows(RowSelection selection) =>
            selection.Rows.Select(row => (selection.Store.Position(row), selection.Store.Label(row)));
    }
}
