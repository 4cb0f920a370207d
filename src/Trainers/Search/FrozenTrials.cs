using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Classification;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Search;

/// <summary>Trains the heads of configurations with a frozen backbone. All trainings share the embeddings, which are kept in the folder of the search.</summary>
/// <param name="environment">ML.NET's environment.</param>
/// <param name="channel">The log.</param>
/// <param name="space">Makes options of configurations.</param>
/// <param name="rows">The rows.</param>
/// <param name="pretrained">The weights of the options' file; null for none.</param>
/// <param name="folder">The folder of the search.</param>
internal sealed class FrozenTrials(
    IHostEnvironment environment, IChannel channel, ConfigurationSpace space, SearchRows rows, PretrainedWeights? pretrained, SearchFolder folder)
{
    private readonly Dictionary<(Architecture, ImageShape), float[]> _int8Ranges = [];
    private readonly Dictionary<string, (TrainedModel Model, RowScores Scores)> _first = [];

    /// <summary>Trains the heads on the rows of each training of a trial, and scores its validation rows.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="cancellationToken">Ends the training. What is embedded is kept.</param>
    public IReadOnlyList<RowScores> Run(Configuration configuration, CancellationToken cancellationToken)
    {
        var trained = Rows(configuration).Trainings.Select(training => Train(configuration, training, cancellationToken)).ToList();
        _first[$"{configuration}"] = trained[0];
        return [.. trained.Select(training => training.Scores)];
    }

    /// <summary>The model of a trial's first training, which is trained anew after the search was resumed.</summary>
    public SlaTransformer Load(Configuration configuration)
    {
        if (!_first.TryGetValue($"{configuration}", out var trained))
            trained = Train(configuration, Rows(configuration).Trainings[0], CancellationToken.None);
        return Transformer(configuration, trained.Model);
    }

    /// <summary>Trains the heads on the rows of the winner's last training.</summary>
    /// <returns>The model, and its scores of the validation rows; null if it was trained on them.</returns>
    public (SlaTransformer Model, RowScores? Scores) Finish(Configuration configuration, CancellationToken cancellationToken)
    {
        var last = Rows(configuration).Last;
        var trained = rows.LastHasOtherRows || !_first.TryGetValue($"{configuration}", out var first)
            ? Train(configuration, last, cancellationToken)
            : first;
        return (Transformer(configuration, trained.Model), last.Validation is null || rows.LastHasOtherRows ? null : trained.Scores);
    }

    /// <summary>Seconds that a view takes in the network of a configuration.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="time">How long to measure.</param>
    /// <param name="cancellationToken">Ends the measurement.</param>
    public double SecondsPerView(Configuration configuration, TimeSpan time, CancellationToken cancellationToken)
    {
        var plan = Plan(configuration, Rows(configuration).Trainings[0], cancellationToken);
        var (batch, views) = plan.Host.Compute(() => new FrozenTraining(plan, channel).MeasureBatch(time));
        return batch.TotalSeconds / views;
    }

    /// <summary>Number of outputs of a configuration's heads, for each view.</summary>
    public int Outputs(Configuration configuration)
    {
        var options = space.Options(configuration);
        int classes = Rows(configuration).Last.Labels.Count;
        return SlaObjectives.Create(options.Objective, classes, options.LearnedTransformations.Count, new ObjectiveSettings()).Heads.Sum(head => head.Outputs);
    }

    /// <summary>A model of a configuration as ONNX, with heads that were not trained.</summary>
    public byte[] UntrainedGraph(Configuration configuration)
    {
        var plan = Plan(configuration, Rows(configuration).Trainings[0], CancellationToken.None);
        using var scope = NewDisposeScope();
        using var heads = new Heads(plan.Architecture.EmbeddingSize, plan.Objective.Heads, new Random(plan.Host.Seed));
        var ofHeads = Weights.Of(heads.state_dict().Select(entry => ($"{SlaNetwork.HeadsName}.{entry.Key}", entry.Value)));
        return new TrainedModel(plan.Description, new Weights(plan.BackboneWeights().Concat(ofHeads))).ToOnnx(plan.Inference);
    }

    private (TrainedModel Model, RowScores Scores) Train(Configuration configuration, TrainingRows training, CancellationToken cancellationToken) =>
        new FrozenTraining(Plan(configuration, training, cancellationToken), channel).TrainAndScore();

    private SlaTransformer Transformer(Configuration configuration, TrainedModel model) =>
        new(environment, model, NewPlan(configuration, Rows(configuration).Last, CancellationToken.None).Inference);

    /// <summary>
    /// Plans a training. In 8 bits all trainings have the ranges of the first one's rows, because embeddings by other ranges are other embeddings.
    /// </summary>
    private ClassifierPlan Plan(Configuration configuration, TrainingRows training, CancellationToken cancellationToken)
    {
        var plan = NewPlan(configuration, training, cancellationToken);
        if (!plan.Host.ComputesInInt8(plan.Architecture))
            return plan;

        var network = (plan.Options.Architecture, plan.Description.Features.Shape);
        if (!_int8Ranges.TryGetValue(network, out float[]? ranges))
        {
            var first = NewPlan(configuration, Rows(configuration).Trainings[0], cancellationToken);
            _int8Ranges[network] = ranges = first.Host.Compute(first.WithFrozenPrecision).Int8Ranges!;
        }

        return plan.WithInt8Ranges(ranges);
    }

    private ClassifierPlan NewPlan(Configuration configuration, TrainingRows training, CancellationToken cancellationToken)
    {
        var options = space.Options(configuration);
        options.CheckpointFolder = folder.EmbeddingsFolder;
        options.CancellationToken = cancellationToken;
        return new SlaTrainer(environment, options).Plan(training, options.Architecture.InitialWeights is null ? pretrained : null);
    }

    private TrialRows Rows(Configuration configuration) => rows.Of(space.Options(configuration));
}
