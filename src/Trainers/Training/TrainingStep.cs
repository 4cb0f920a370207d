using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>One step of stochastic gradient descent: batch, views, loss, gradients, new weights (docs/method.md, training).</summary>
internal sealed class TrainingStep : IDisposable
{
    private readonly SlaNetwork _network;
    private readonly IStepObjective _objective;
    private readonly ViewAugmenter _views;
    private readonly BatchLoader _loader;
    private readonly TrainingSettings _settings;

    /// <param name="network">The network, on the device of the loader and the views.</param>
    /// <param name="objective">The training objective.</param>
    /// <param name="views">Makes the views.</param>
    /// <param name="loader">Makes the batches.</param>
    /// <param name="settings">The settings of the run.</param>
    public TrainingStep(
        SlaNetwork network, IStepObjective objective, ViewAugmenter views, BatchLoader loader, TrainingSettings settings)
    {
        _network = network;
        _objective = objective;
        _views = views;
        _loader = loader;
        _settings = settings;
        Optimizer = new Optimizer(network, settings);
    }

    public Optimizer Optimizer { get; }

    /// <summary>Makes a step on the next images of a sequence.</summary>
    /// <param name="images">The sequence.</param>
    /// <param name="count">B.</param>
    /// <param name="state">The settings of this step.</param>
    /// <param name="random">The source of random numbers for augmentation and views.</param>
    /// <returns>The loss, a scalar on the network's device, which may still be computing it. The caller disposes it.</returns>
    public Tensor Run(ImageSequence images, int count, StepState state, Random random)
    {
        _network.train();
        if (state.BackboneFrozen || _settings.FrozenStatistics)
            _network.Backbone.eval();

        Optimizer.ZeroGradients();
        Tensor loss = zeros([], ScalarType.Float64, _loader.Device);
        int parts = Math.Min(_settings.GradientAccumulation, count);
        for (int part = 0; part < parts; part++)
        {
            int size = PartSize(count, parts, part);
            Backward(images, size, (double)size / count, state, random, loss);
        }

        Optimizer.Step(state.LearningRate);
        return loss;
    }

    /// <summary>Whether the network's outputs for the next images of a sequence are finite.</summary>
    /// <param name="images">The sequence.</param>
    /// <param name="count">Number of images.</param>
    public bool GivesNumbers(ImageSequence images, int count)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        _network.eval();
        using var batch = _loader.Load(images, count);
        Tensor embeddings = _network.forward(_views.Images(_loader.Normalize(batch.Images)));
        return _network.Heads.Outputs(embeddings).Prepend(embeddings).All(values => values.isfinite().all().item<bool>());
    }

    public void Dispose() => Optimizer.Dispose();

    /// <summary>Number of images in a part of a batch. The sizes of the parts differ by one at most.</summary>
    internal static int PartSize(int count, int parts, int part) => (int)(((long)count * (part + 1) / parts) - ((long)count * part / parts));

    /// <summary>Adds the gradients and the loss of a part of a batch, weighted by the part's share of the images.</summary>
    private void Backward(ImageSequence sequence, int count, double share, StepState state, Random random, Tensor total)
    {
        using var scope = NewDisposeScope();
        using var batch = _loader.Load(sequence, count);
        foreach (var augmentation in _settings.Augmentations)
            augmentation.Apply(batch, random);
        Tensor images = _loader.Normalize(batch.Images, _settings.ComputeType);
        using var draw = _objective.Draw(batch.Targets.Labels, _settings.ViewsPerStep, random);
        Tensor inputs = _views.Views(images, draw);
        images.Dispose();
        batch.Images.Dispose();

        Tensor embeddings = Embeddings(inputs, state.BackboneFrozen);
        inputs.Dispose();
        Tensor loss = _objective.Loss(embeddings, _network.Heads, batch.Targets with { AreWeighted = state.WeighsClasses }, draw);
        embeddings.Dispose();
        if (share != 1)
            loss = loss.Times(share);

        loss.backward();
        total.Add(loss.detach());
    }

    private Tensor Embeddings(Tensor inputs, bool areConstant)
    {
        using var noGradient = areConstant ? no_grad() : null;
        return _network.forward(inputs);
    }
}
