using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>A network with the parts that train it: views, loader, step and loop. It owns the network and the parts.</summary>
internal sealed class NetworkTraining : IDisposable
{
    private readonly TrainerHost _host;
    private readonly TrainingSettings _settings;
    private readonly TrainingStep _step;

    /// <param name="host">The trainer's host.</param>
    /// <param name="network">The network. It is moved to the device.</param>
    /// <param name="objective">What is minimised.</param>
    /// <param name="description">The views, the shape of the images and how their pixels are normalised.</param>
    /// <param name="sampler">The images of each step.</param>
    /// <param name="settings">The settings of the run.</param>
    /// <param name="device">Where the network is trained.</param>
    /// <param name="clock">The clock of a training that has a time; null for one that has epochs.</param>
    public NetworkTraining(
        TrainerHost host,
        SlaNetwork network,
        IStepObjective objective,
        NetworkDescription description,
        Sampler sampler,
        TrainingSettings settings,
        Device device,
        TrainingClock? clock = null)
    {
        _host = host;
        _settings = settings;
        Network = network;
        Network.to(device);
        var shape = description.Features.Shape;
        Views = new ViewAugmenter(description.Transformations, shape, device);
        Loader = new BatchLoader(shape, description.Normalization, device);
        Sampler = sampler;
        _step = new TrainingStep(Network, objective, Views, Loader, settings);
        Loop = new TrainingLoop(Network, _step, sampler, settings, clock);
    }

    public SlaNetwork Network { get; }

    public ViewAugmenter Views { get; }

    public BatchLoader Loader { get; }

    public Sampler Sampler { get; }

    public TrainingLoop Loop { get; }

    /// <summary>Runs the loop to its end or to a step. It resumes from a checkpoint if the options ask for it and there is one.</summary>
    /// <returns>The history of the run.</returns>
    /// <exception cref="InvalidOperationException">The loss became infinite or NaN, memory runs out, or the checkpoint is of another run.</exception>
    public TrainingHistory Run(
        ImageTrainerOptions options, IChannel channel, RunIdentity identity, TrainingStarted plan, int unreadable, Func<EpochValidation>? validate = null, long? end = null) =>
        new CheckpointedRun(_host, options, channel, Loop, identity).Run(plan, unreadable, validate, end);

    /// <summary>Makes steps outside a run, for example to time them. The network is unusable afterwards.</summary>
    /// <param name="function">
    /// Receives a function that makes a step. That function takes the step's number, counted from 0, and its learning rate, and returns the
    /// loss before the step.
    /// </param>
    public T WithSteps<T>(Func<Func<int, double, double>, T> function) => _host.Compute(() =>
    {
        ImageSequence? images = null;
        try
        {
            return function((step, rate) =>
            {
                _host.CheckCancellation();
                if (step % Sampler.StepsPerEpoch == 0)
                {
                    images?.Dispose();
                    images = Sampler.Store.Open(Sampler.Rows(step / Sampler.StepsPerEpoch));
                }

                var state = new StepState(rate, WeighsClasses: _settings.DeferredReweighting is null);
                using var loss = _step.Run(images!, Sampler.BatchSize, state, Seeds.ForStep(_settings.Seed, step));
                return loss.item<double>();
            });
        }
        finally
        {
            images?.Dispose();
        }
    });

    public void Dispose()
    {
        Loop.Dispose();
        _step.Dispose();
        Loader.Dispose();
        Views.Dispose();
        Network.Dispose();
    }
}
