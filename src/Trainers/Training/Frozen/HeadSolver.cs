using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// Brings heads to the optimum of their objective with an L2 penalty. It minimises the mean loss of the images, over all their views, plus the
/// penalty on the weights of linear heads (<see cref="HeadPenalty"/>). Biases carry no penalty. With linear heads and cross-entropy this
/// problem is convex (docs/method.md, frozen backbones). A normalised head carries no penalty either: the length of its weights has no
/// effect, so a penalty would have no optimum.
/// </summary>
internal sealed class HeadSolver : IDisposable
{
    private readonly Objective _objective;
    private readonly EmbeddedImages _images;
    private readonly List<Piece> _pieces = [];
    private readonly Dictionary<string, int> _viewsOfWeights;

    /// <param name="objective">What is minimised.</param>
    /// <param name="images">The training images.</param>
    /// <param name="imageWeights">The weight of an image of each class; null for equal ones.</param>
    public HeadSolver(Objective objective, EmbeddedImages images, double[]? imageWeights)
    {
        (_objective, _images) = (objective, images);
        _viewsOfWeights = Linear(objective).ToDictionary(head => Heads.WeightName(head.Head), head => head.Head == Head.Joint ? objective.Views : 1);
        var whole = new WholeBatch(images.Count, images.Labels.Sum(label => imageWeights?[label] ?? 1));
        foreach (var piece in images.Pieces)
            _pieces.Add(new Piece(piece, new ClassTargets(images.LabelsOf(piece)) { Whole = whole }, ViewDraw.All(piece.Count, images.Views, CPU)));
    }

    /// <summary>The names of the weights that the penalty is on.</summary>
    public static IEnumerable<string> PenalizedWeights(Objective objective) =>
        Linear(objective).Select(head => Heads.WeightName(head.Head));

    /// <summary>Trains parameters of heads, starting from their current values.</summary>
    /// <param name="heads">The heads.</param>
    /// <param name="parameters">The parameters.</param>
    /// <param name="penalty">The penalty.</param>
    /// <param name="tolerance">The relative decrease of the value below which it stops.</param>
    /// <param name="checkCancellation">Called between evaluations; throws to stop.</param>
    /// <returns>The minimum, and the number of iterations.</returns>
    public (double Value, int Iterations) Solve(Heads heads, IReadOnlyList<Parameter> parameters, HeadPenalty penalty, double tolerance, Action checkCancellation)
    {
        double[] point = Read(parameters);
        var names = heads.named_parameters().ToDictionary(entry => entry.parameter.Handle, entry => entry.name);
        int?[] views = [.. parameters.Select(parameter => _viewsOfWeights.TryGetValue(names[parameter.Handle], out int count) ? count : (int?)null)];
        var result = Lbfgs.Minimize(
            point,
            candidate =>
            {
                checkCancellation();
                Write(parameters, candidate);
                return Evaluate(heads, parameters, penalty, views);
            },
            tolerance);
        Write(parameters, point);
        return result;
    }

    public void Dispose()
    {
        foreach (var piece in _pieces)
            piece.Dispose();
    }

    private (double Value, double[] Gradient) Evaluate(Heads heads, IReadOnlyList<Parameter> parameters, HeadPenalty penalty, int?[] viewsOfWeights)
    {
        using var scope = NewDisposeScope();
        double value = 0;
        foreach (var parameter in parameters)
            parameter.grad = null;
        foreach (var piece in _pieces)
        {
            using Tensor embeddings = _images.Store.Read(piece.Images, _images.Views);
            using Tensor loss = _objective.Loss(embeddings, heads, piece.Targets, piece.Draw);
            loss.backward();
            value += loss.item<float>();
        }

        double[] gradient = new double[parameters.Sum(parameter => parameter.numel())];
        int start = 0;
        foreach (var (parameter, views) in parameters.Zip(viewsOfWeights))
        {
            var own = gradient.AsSpan(start, (int)parameter.numel());
            parameter.grad!.to(ScalarType.Float64).data<double>().ToArray().CopyTo(own);
            if (views is { } count)
                value += penalty.AddGradient(parameter.detach().to(ScalarType.Float64).data<double>().ToArray(), own, (int)parameter.shape[0] / count, count);
            parameter.grad = null;
            start += own.Length;
        }

        return (value, gradient);
    }

    private static IEnumerable<HeadShape> Linear(Objective objective) => objective.Heads.Where(head => head.CosineScale is null);

    private static double[] Read(IEnumerable<Parameter> parameters)
    {
        using var scope = NewDisposeScope();
        return [.. parameters.SelectMany(parameter => parameter.detach().to(ScalarType.Float64).data<double>().ToArray())];
    }

    private static void Write(IEnumerable<Parameter> parameters, double[] point)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        int start = 0;
        foreach (var parameter in parameters)
        {
            int count = (int)parameter.numel();
            parameter.copy_(tensor(point[start..(start + count)], parameter.shape));
            start += count;
        }
    }

    private sealed record Piece(ImageRange Images, ClassTargets Targets, ViewDraw Draw) : IDisposable
    {
        public void Dispose()
        {
            Targets.Dispose();
            Draw.Dispose();
        }
    }
}
