namespace Microsoft.ML.Sla;

/// <summary>What a backbone costs.</summary>
/// <param name="Parameters">Number of trainable values, heads not counted.</param>
/// <param name="MultiplyAdds">
/// Multiply-add operations of convolutions and linear layers in the forward pass of one view; a training step takes about three
/// times as many for each view.
/// </param>
public readonly record struct NetworkCost(long Parameters, long MultiplyAdds)
{
    /// <summary>Of both together.</summary>
    public static NetworkCost operator +(NetworkCost left, NetworkCost right) =>
        new(left.Parameters + right.Parameters, left.MultiplyAdds + right.MultiplyAdds);

    /// <summary>Of both together.</summary>
    public static NetworkCost Add(NetworkCost left, NetworkCost right) => left + right;

    /// <summary>Such as <c>0.46 million parameters, 69 million multiply-adds a view</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Parameters / 1e6:0.00} million parameters, {MultiplyAdds / 1e6:0.#} million multiply-adds a view");
}
