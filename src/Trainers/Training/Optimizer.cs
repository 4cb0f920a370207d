using Microsoft.ML.Sla.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>Stochastic gradient descent with momentum, with a learning rate that falls from the heads to the stem.</summary>
internal sealed class Optimizer : IDisposable
{
    private readonly List<(string Name, Parameter Parameter)> _parameters = [];
    private readonly List<double> _rateFactors = [];
    private readonly double? _largestNorm;
    private readonly SGD _sgd;

    public Optimizer(SlaNetwork network, TrainingSettings settings)
    {
        var groups = new List<SGD.ParamGroup>();
        foreach (var (stagesBehind, parameters) in network.ParametersByStage())
        {
            _parameters.AddRange(parameters);
            _rateFactors.Add(Math.Pow(settings.LayerRateDecay, stagesBehind));
            groups.Add(new SGD.ParamGroup(
                parameters.Select(p => p.Parameter), settings.LearningRate, settings.Momentum, weight_decay: settings.WeightDecay));
        }

        _largestNorm = settings.GradientClipping;
        _sgd = optim.SGD(groups, settings.LearningRate);
    }

    public void ZeroGradients()
    {
        // The scope takes the handles on the gradients that torch makes on the way.
        using var scope = NewDisposeScope();
        _sgd.zero_grad();
    }

    /// <summary>Changes the weights by their gradients.</summary>
    /// <param name="learningRate">The learning rate of the heads.</param>
    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        if (_largestNorm is { } norm)
            nn.utils.clip_grad_norm_(_parameters.Select(p => p.Parameter), norm);

        int group = 0;
        foreach (var parameters in _sgd.ParamGroups)
            parameters.LearningRate = learningRate * _rateFactors[group++];
        _sgd.step();
    }

    /// <summary>The momentum of each parameter that has moved, by the parameter's name.</summary>
    public IEnumerable<(string Name, Tensor Momentum)> Momenta()
    {
        foreach (var ((name, _), state) in _parameters.Zip(_sgd.state_dict().State))
        {
            if (((SGD.State)state).momentum_buffer is { } momentum)
                yield return (name, momentum);
        }
    }

    /// <summary>Goes on with the momentum of an earlier run.</summary>
    public void SetMomenta(Weights momenta)
    {
        foreach (var ((name, parameter), state) in _parameters.Zip(_sgd.state_dict().State))
        {
            if (!momenta.Contains(name))
                continue;

            var (shape, values) = momenta[name];
            using Tensor onCpu = tensor(values, shape);
            using Tensor like = parameter.detach();
            var own = (SGD.State)state;
            own.momentum_buffer?.Dispose();
            own.momentum_buffer = empty_like(like).copy_(onCpu).DetachFromDisposeScope();
        }
    }

    public void Dispose() => _sgd.Dispose();
}
