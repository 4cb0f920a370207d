using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla;

public sealed partial class SlaTrainer
{
    /// <summary>Reads the pretrained weights to start from; null if the options name none.</summary>
    internal PretrainedWeights? ReadPretrained()
    {
        TorchLibrary.EnsureLoaded();
        return _options.PretrainedPath is { } path ? PretrainedWeights.Read(path) : null;
    }

    /// <summary>Checks columns and shapes before it reads any image but the first.</summary>
    /// <returns>The feature column.</returns>
    internal FeatureColumn CheckFeatures(IDataView input)
    {
        TrainerSchema.Check(MLNetInternals.ShapeOf(input.Schema), _options.LabelColumnName, _options.FeatureColumnName);
        _host.CheckCancellation();
        TorchLibrary.EnsureLoaded();
        var features = _host.Features(input);
        CheckImages(features.Shape);
        return features;
    }

    /// <summary>Checks columns and shapes, then reads the rows.</summary>
    internal TrainingRows ReadRows(IChannel channel, IDataView input, IDataView? validationSet)
    {
        var features = CheckFeatures(input);
        var labels = ClassLabels.Of(input.Schema[_options.LabelColumnName]);
        _host.ChooseDevice();
        if (_options.EarlyStopping is not null && validationSet is null && _options.ValidationSetFraction is null or 0)
            throw NoValidationRows();
        if (validationSet is not null)
            TrainerSchema.CheckValidationSet(validationSet.Schema, labels, _options.FeatureColumnName);

        long budget = _host.PixelMemory;
        var (all, unreadable) = _host.ReadRows(channel, input, labels, features, budget);
        RowSplit.CheckClasses(all, labels);
        if (validationSet is not null)
        {
            long left = Math.Max(0, budget - ((long)all.Store.Resident * features.Shape.Length));
            var (rows, unreadableToo) = _host.ReadRows(channel, validationSet, labels, features, left);
            return new TrainingRows(labels, features, all, rows.Rows.Length == 0 ? throw NoValidationRows() : rows, unreadable + unreadableToo);
        }

        var (training, validation) = RowSplit.ByLabel(all, _options.ValidationSetFraction ?? 0, _host.Seed);
        if (validation.Rows.Length == 0 && _options.ValidationSetFraction > 0)
            throw NoValidationRows();
        return new TrainingRows(labels, features, training, validation.Rows.Length == 0 ? null : validation, unreadable);
    }

    private InvalidOperationException NoValidationRows() => new(
        _options.EarlyStopping is not null && _options.ValidationSetFraction is null or 0
            ? "EarlyStopping needs validation rows, and there are none: set ValidationSet or ValidationSetFraction, or call Fit with a validation set."
            : $"There are no validation rows: the validation set is empty, or ValidationSetFraction, {_options.ValidationSetFraction}, is too small to keep a row of any class. "
                + "Give more rows, or a larger fraction.");
}
