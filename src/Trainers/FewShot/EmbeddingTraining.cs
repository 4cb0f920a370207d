using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;
using TorchSharp;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>The training of an embedding by episodes.</summary>
internal sealed class EmbeddingTraining : IDisposable
{
    private readonly EmbeddingPlan _plan;
    private readonly IChannel _channel;
    private readonly TrainingSettings _settings;
    private readonly NetworkTraining _training;

    /// <summary>Makes the network and the parts that train it.</summary>
    /// <param name="plan">The plan of the training.</param>
    /// <param name="channel">The log.</param>
    public EmbeddingTraining(EmbeddingPlan plan, IChannel channel)
    {
        (_plan, _channel) = (plan, channel);
        var (host, description) = (plan.Host, plan.Description);
        var shape = description.Features.Shape;
        var sampler = new EpisodeSampler(plan.Rows, plan.Episode, plan.Objective.WaysPerClass, plan.Options.Episodes, host.Seed);
        _settings = Settings(sampler.Epochs, host.ChooseComputeType(plan.Device, description.Architecture));
        var network = new SlaNetwork(description.Architecture, shape, heads: [], host.Seed, plan.InitialScale);
        if (plan.Pretrained is not null)
            TrainerHost.Info(channel, plan.Pretrained.LoadInto(network));
        _training = new NetworkTraining(host, network, plan.Objective, description, sampler, _settings, plan.Device);
        TrainerHost.WarnOfMirrors(channel, plan.Options.Augmentations, description.Transformations, shape);
        TrainerHost.Info(channel, plan.InWords(_settings.ComputeType));
    }

    /// <summary>Trains to the end.</summary>
    public EmbeddingModel Train()
    {
        var history = _training.Run(_plan.Options, _channel, Identity(), _plan.Started(_settings.Epochs, _training.Loop.Steps), _plan.Unreadable);
        using var scale = _training.Network.Heads.Scale();
        return new EmbeddingModel(_plan.Description with { History = history, Scale = scale.item<float>() }, _training.Loop.Result());
    }

    public void Dispose() => _training.Dispose();

    private TrainingSettings Settings(int epochs, torch.ScalarType computeType) => new(
        epochs,
        _plan.Episode.Images,
        _plan.Objective.ViewsPerStep,
        _plan.Options.LearningRate,
        _plan.Options.LearningRateSchedule,
        _plan.Options.Momentum,
        _plan.Options.WeightDecay,
        _plan.Options.Augmentations,
        _plan.Host.Seed)
    {
        ComputeType = computeType,
        GradientClipping = _plan.Options.GradientClipping,
    };

    private RunIdentity Identity() => _plan.Host.Identity(
        _plan.Rows,
        others: null,
        _plan.Description,
        _settings,
        ("Objective", FormattableString.Invariant($"{_plan.Description.Objective}, {_plan.Description.Similarity}, initial scale {_plan.Description.Scale}")),
        ("Episodes", $"{_plan.Options.Episodes} of {_plan.Episode}"));
}
