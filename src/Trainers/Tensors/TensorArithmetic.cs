using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tensors;

/// <summary>
/// Arithmetic of tensors with numbers, including sums of tensors, for which torch takes a factor. TorchSharp's operators make an object for the
/// number and pass its native handle on. A garbage collection can free the number before native code has read it. Here the object outlives the
/// call. The library calls no TorchSharp method that makes such an object itself, and a test enforces that.
/// </summary>
internal static class TensorArithmetic
{
    private static readonly Scalar Zero = 0L.ToScalar();
    private static readonly Scalar One = 1L.ToScalar();

    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, One);

    public static Tensor Plus(this Tensor left, double right) => left.Apply(right.ToScalar(), (x, number) => x.add(number, One));

    /// <summary>Adds in place.</summary>
    /// <returns><paramref name="left"/>.</returns>
    public static Tensor Add(this Tensor left, Tensor right) => left.add_(right, One);

    /// <summary>Adds a multiple in place.</summary>
    /// <returns><paramref name="left"/>.</returns>
    public static Tensor Add(this Tensor left, Tensor right, double factor) => left.Apply(factor.ToScalar(), (x, number) => x.add_(right, number));

    /// <summary>left + factor * right.</summary>
    public static Tensor PlusMultiple(this Tensor left, Tensor right, double factor) => left.Apply(factor.ToScalar(), (x, number) => x.add(right, number));

    /// <summary>left - right.</summary>
    public static Tensor SubtractedFrom(this Tensor right, double left)
    {
        using Tensor negative = right.neg();
        return negative.Plus(left);
    }

    public static Tensor Times(this Tensor left, double right) => left.Apply(right.ToScalar(), (x, number) => x.mul(number));

    /// <summary>left * right. Integers stay integers.</summary>
    public static Tensor Times(this Tensor left, long right) => left.Apply(right.ToScalar(), (x, number) => x.mul(number));

    /// <summary>Multiplies in place.</summary>
    /// <returns><paramref name="left"/>.</returns>
    public static Tensor Multiply(this Tensor left, double right) => left.Apply(right.ToScalar(), (x, number) => x.mul_(number));

    public static Tensor Over(this Tensor left, double right) => left.Apply(right.ToScalar(), (x, number) => x.div(number));

    /// <summary>The remainder with the sign of the divisor.</summary>
    public static Tensor Modulo(this Tensor left, double right) => left.Apply(right.ToScalar(), (x, number) => x.remainder(number));

    public static Tensor ToPower(this Tensor left, double right) => left.Apply(right.ToScalar(), (x, number) => x.pow(number));

    public static Tensor Between(this Tensor values, double smallest, double largest)
    {
        using Scalar low = smallest.ToScalar(), high = largest.ToScalar();
        return values.clamp(low, high);
    }

    public static Tensor AtLeast(this Tensor values, double smallest) => values.Apply(smallest.ToScalar(), (x, number) => x.clamp_min(number));

    public static Tensor IsZero(this Tensor values) => values.eq(Zero);

    /// <summary>A copy of the values with a number at the positions of a mask.</summary>
    public static Tensor With(this Tensor values, double number, Tensor mask) => values.Apply(number.ToScalar(), (x, scalar) => x.masked_fill(mask, scalar));

    /// <summary>Sets all values.</summary>
    /// <returns><paramref name="values"/>.</returns>
    public static Tensor Fill(this Tensor values, double number) => values.Apply(number.ToScalar(), (x, scalar) => x.fill_(scalar));

    /// <summary>In place max(x, 0) + slope * min(x, 0).</summary>
    /// <returns><paramref name="values"/>.</returns>
    public static Tensor LeakyRelu(this Tensor values, double slope) => values.Apply(slope.ToScalar(), (x, number) => x.leaky_relu_(number));

    /// <summary>The numbers 0 to below <paramref name="count"/>, as 64-bit integers.</summary>
    public static Tensor Range(long count, Device device)
    {
        using var end = count.ToScalar();
        return arange(Zero, end, One, int64, device);
    }

    /// <summary>Runs an operation with a number, and keeps the number alive until the operation is done.</summary>
    private static Tensor Apply(this Tensor values, Scalar number, Func<Tensor, Scalar, Tensor> operation)
    {
        using (number)
            return operation(values, number);
    }
}
