using System.Diagnostics;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>Trains a network: batches, views, loss, gradient step; epoch after epoch (METHOD, training protocol).</summary>
internal sealed class TrainingLoop : IDisposable
{
    /// <summary>How often a person wants to hear of progress within an epoch.</summary>
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(0.5);

    private readonly SlaNetwork _network;
    private readonly Objective _objective;
    private readonly ViewAugmenter _views;
    private readonly BatchLoader _loader;
    private readonly CropAndFlip _augmentation;
    private readonly TrainingSettings _settings;
    private readonly TorchSharp.Modules.SGD _optimizer;
    private readonly int[] _rows;

    /// <param name="network">The network, on the device of the loader and the views.</param>
    /// <param name="objective">What is minimised.</param>
    /// <param name="views">Makes the views.</param>
    /// <param name="loader">Makes the batches.</param>
    /// <param name="shape">Shape of the images.</param>
    /// <param name="rows">The rows to train on.</param>
    /// <param name="settings">The numbers of the run.</param>
    public TrainingLoop(
        SlaNetwork network, Objective objective, ViewAugmenter views, BatchLoader loader, ImageShape shape, int[] rows, TrainingSettings settings)
    {
        _network = network;
        _objective = objective;
        _views = views;
        _loader = loader;
        _augmentation = new CropAndFlip(shape, settings.CropPadding, settings.HorizontalFlip);
        _settings = settings;
        _rows = rows;
        BatchSize = Math.Min(settings.BatchSize, rows.Length);
        _optimizer = optim.SGD(network.parameters(), settings.LearningRate, settings.Momentum, weight_decay: settings.WeightDecay);
    }

    /// <summary>Images in a step: what was asked for, or all there are.</summary>
    public int BatchSize { get; }

    /// <summary>Full batches in an epoch. Rows that fill no batch are left out, others in each epoch.</summary>
    public int StepsPerEpoch => _rows.Length / BatchSize;

    public long Steps => (long)_settings.Epochs * StepsPerEpoch;

    /// <summary>Runs all epochs.</summary>
    /// <param name="validate">Accuracy on the validation rows, or null where there are none.</param>
    /// <param name="report">Hears of progress, at least at the end of each epoch.</param>
    /// <param name="checkCancellation">Throws where the run is to stop.</param>
    /// <exception cref="InvalidOperationException">The loss is no longer a number.</exception>
    public void Run(Func<double>? validate, Action<SlaMetrics> report, Action checkCancellation)
    {
        var clock = Stopwatch.StartNew();
        var training = new Stopwatch();
        TimeSpan lastReport = TimeSpan.Zero;
        long step = 0;
        for (int epoch = 1; epoch <= _settings.Epochs; epoch++)
        {
            _network.train();
            var random = Seeds.ForEpoch(_settings.Seed, epoch);
            int[] order = [.. _rows];
            random.Shuffle(order);
            double lossSum = 0;
            for (int batch = 0; batch < StepsPerEpoch; batch++)
            {
                checkCancellation();
                training.Start();
                double rate = LearningRate.At(_settings.Schedule, _settings.LearningRate, step, Steps);
                double loss = Step(order.AsSpan(batch * BatchSize, BatchSize), rate, random);
                training.Stop();
                step++;
                CheckLoss(loss, step, epoch, rate);
                lossSum += loss;

                bool isEpochEnd = batch == StepsPerEpoch - 1;
                if (!isEpochEnd && clock.Elapsed - lastReport < ReportInterval)
                    continue;
                lastReport = clock.Elapsed;
                report(new SlaMetrics(
                    epoch,
                    _settings.Epochs,
                    step,
                    Steps,
                    lossSum / (batch + 1),
                    rate,
                    step * BatchSize / training.Elapsed.TotalSeconds,
                    clock.Elapsed,
                    isEpochEnd,
                    isEpochEnd ? validate?.Invoke() : null));
            }
        }
    }

    /// <summary>One step of stochastic gradient descent.</summary>
    /// <returns>The loss.</returns>
    public double Step(ReadOnlySpan<int> rows, double learningRate, Random random)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = _loader.Load(rows, _augmentation, random);
        using var draw = ViewDraw.Random(rows.Length, _objective.Views, _settings.ViewsPerStep, _objective.NeedsIdentity, random, images.device);
        Tensor inputs = _views.Views(images, draw);
        images.Dispose();

        Tensor embeddings = _network.forward(inputs);
        inputs.Dispose();
        Tensor loss = _objective.Loss(embeddings, _network.Heads, labels, draw);
        embeddings.Dispose();

        _optimizer.zero_grad();
        loss.backward();
        foreach (var group in _optimizer.ParamGroups)
            group.LearningRate = learningRate;
        _optimizer.step();
        return loss.item<float>();
    }

    public void Dispose() => _optimizer.Dispose();

    private void CheckLoss(double loss, long step, int epoch, double rate)
    {
        if (!double.IsFinite(loss))
        {
            throw new InvalidOperationException(
                $"The loss became {loss} at step {step} (epoch {epoch} of {_settings.Epochs}), where the learning rate was {rate}. "
                + $"Lower LearningRate, which is {_settings.LearningRate}, by a factor of 3 to 10.");
        }
    }
}
