using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>
/// Stochastic gradient descent with momentum and weight decay, with the same updates as PyTorch's: g = dL/dw + decay * w;
/// b = momentum * b + g; w = w - rate * b. The learning rate falls from the heads to the stem.
/// </summary>
internal sealed class Optimizer : IDisposable
{
    private readonly List<Part> _parts = [];
    private readonly double _momentum;
    private readonly double _weightDecay;
    private readonly double? _largestNorm;

    public Optimizer(SlaNetwork network, TrainingSettings settings)
    {
        foreach (var (stagesBehind, parameters) in network.ParametersByStage())
        {
            double rateFactor = Math.Pow(settings.LayerRateDecay, stagesBehind);
            _parts.AddRange(parameters.Select(p => new Part(p.Name, p.Parameter, rateFactor)));
        }

        _momentum = settings.Momentum;
        _weightDecay = settings.WeightDecay;
        _largestNorm = settings.GradientClipping;
    }

    public void ZeroGradients()
    {
        foreach (var part in _parts)
            part.Parameter.grad = null;
    }

    /// <summary>Changes the weights by their gradients.</summary>
    /// <param name="learningRate">The learning rate of the heads.</param>
    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        if (_largestNorm is { } norm)
            nn.utils.clip_grad_norm_(_parts.Select(part => part.Parameter), norm);

        using var noGradient = no_grad();
        foreach (var part in _parts)
            Step(part, learningRate * part.RateFactor);
    }

    /// <summary>The momentum of each parameter that was updated, by the parameter's name.</summary>
    public IEnumerable<(string Name, Tensor Momentum)> Momenta()
    {
        foreach (var part in _parts)
        {
            if (part.Momentum is { } momentum)
                yield return (part.Name, momentum);
        }
    }

    /// <summary>Continues with the momentum of an earlier run.</summary>
    public void SetMomenta(Weights momenta)
    {
        foreach (var part in _parts)
        {
            if (!momenta.Contains(part.Name))
                continue;

            var (shape, values) = momenta[part.Name];
            if (!shape.AsSpan().SequenceEqual(part.Parameter.shape))
                throw new InvalidDataException($"The momentum of '{part.Name}' is of shape [{string.Join(", ", shape)}], and the parameter of [{string.Join(", ", part.Parameter.shape)}].");
            using Tensor onCpu = tensor(values, shape);
            using Tensor like = part.Parameter.detach();
            part.Momentum?.Dispose();
            part.Momentum = empty_like(like).copy_(onCpu).DetachFromDisposeScope();
        }
    }

    public void Dispose()
    {
        foreach (var part in _parts)
            part.Momentum?.Dispose();
    }

    private void Step(Part part, double learningRate)
    {
        using Tensor? gradient = part.Parameter.grad;
        if (gradient is null)
            return;

        using Tensor? decayed = _weightDecay != 0 ? gradient.PlusMultiple(part.Parameter, _weightDecay) : null;
        Tensor direction = decayed ?? gradient;
        if (_momentum != 0)
        {
            if (part.Momentum is null)
                part.Momentum = direction.clone().DetachFromDisposeScope();
            else
                part.Momentum.Multiply(_momentum).Add(direction);
            direction = part.Momentum;
        }

        part.Parameter.Add(direction, -learningRate);
    }

    /// <summary>A parameter and what the optimiser keeps for it.</summary>
    private sealed class Part(string name, Parameter parameter, double rateFactor)
    {
        public string Name { get; } = name;

        public Parameter Parameter { get; } = parameter;

        public double RateFactor { get; } = rateFactor;

        public Tensor? Momentum { get; set; }
    }
}
