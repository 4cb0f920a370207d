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
        var parts = Parts(heads, parameters);
        double[] point = Read(parts, penalty);
        var result = Lbfgs.Minimize(
            point,
            candidate =>
            {
                checkCancellation();
                Write(parts, candidate, penalty);
                return Evaluate(heads, parts, candidate, penalty);
            },
            tolerance);
        Write(parts, point, penalty);
        return result;
    }

    public void Dispose()
    {
        foreach (var piece in _pieces)
            piece.Dispose();
    }

    private List<Part> Parts(Heads heads, IReadOnlyList<Parameter> parameters)
    {
        var names = heads.named_parameters().ToDictionary(entry => entry.parameter.Handle, entry => entry.name);
        var parts = new List<Part>();
        foreach (var parameter in parameters)
        {
            int? views = _viewsOfWeights.TryGetValue(names[parameter.Handle], out int count) ? count : null;
            parts.Add(new Part(parameter, parts.Count == 0 ? 0 : parts[^1].Start + parts[^1].Length, (int)parameter.numel(), views));
        }

        return parts;
    }

    private (double Value, double[] Gradient) Evaluate(Heads heads, List<Part> parts, double[] point, HeadPenalty penalty)
    {
        using var scope = NewDisposeScope();
        double value = 0;
        foreach (var part in parts)
            part.Parameter.grad = null;
        foreach (var piece in _pieces)
        {
            using Tensor embeddings = _images.Store.Read(piece.Images, _images.Views);
            using Tensor loss = _objective.Loss(embeddings, heads, piece.Targets, piece.Draw);
            loss.backward();
            value += loss.item<float>();
        }

        double[] gradient = new double[point.Length];
        foreach (var part in parts)
        {
            var own = part.Of(gradient);
            Doubles(part.Parameter.grad!).CopyTo(own);
            part.Parameter.grad = null;
            if (part.Views is not { } views)
                continue;
            penalty.FromCoordinates(own, part.Outputs, views);
            value += penalty.AddGradient(part.Of(point), own);
        }

        return (value, gradient);
    }

    private static IEnumerable<HeadShape> Linear(Objective objective) => objective.Heads.Where(head => head.CosineScale is null);

    /// <summary>The coordinates of the weights of all parts.</summary>
    private static double[] Read(List<Part> parts, HeadPenalty penalty)
    {
        using var scope = NewDisposeScope();
        double[] point = [.. parts.SelectMany(part => Doubles(part.Parameter.detach()))];
        foreach (var part in parts.Where(part => part.Views is not null))
            penalty.ToCoordinates(part.Of(point), part.Outputs, part.Views!.Value);
        return point;
    }

    private static void Write(List<Part> parts, double[] point, HeadPenalty penalty)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var part in parts)
        {
            double[] values = part.Of(point).ToArray();
            if (part.Views is { } views)
                penalty.FromCoordinates(values, part.Outputs, views);
            part.Parameter.copy_(tensor(values, part.Parameter.shape));
        }
    }

    private static double[] Doubles(Tensor values) => values.to(ScalarType.Float64).data<double>().ToArray();

    /// <summary>The place of a parameter in a point of the solver.</summary>
    /// <param name="Parameter">The parameter.</param>
    /// <param name="Start">Its first value.</param>
    /// <param name="Length">Number of values.</param>
    /// <param name="Views">M for penalised weights of a joint head, 1 for those of another; null without a penalty.</param>
    private sealed record Part(Parameter Parameter, int Start, int Length, int? Views)
    {
        public int Outputs => (int)Parameter.shape[0];

        public Span<double> Of(double[] point) => point.AsSpan(Start, Length);
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
