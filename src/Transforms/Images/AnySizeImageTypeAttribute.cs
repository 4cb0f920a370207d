using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla;

/// <summary>
/// Gives an <see cref="MLImage"/> member of a class of rows the type of images of any size, like the column of <c>LoadImages</c>. ML.NET's own
/// <see cref="ImageTypeAttribute"/> requires one size for all.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class AnySizeImageTypeAttribute : DataViewTypeAttribute
{
    /// <inheritdoc/>
    public override void Register() => DataViewTypeManager.Register(new ImageDataViewType(), typeof(MLImage), this);

    /// <inheritdoc/>
    public override bool Equals(DataViewTypeAttribute? other) => other is AnySizeImageTypeAttribute;

    /// <summary>Whether another object is this attribute: all of them give the same type.</summary>
    /// <param name="obj">The object.</param>
    /// <returns>Whether it is.</returns>
    public override bool Equals(object? obj) => obj is AnySizeImageTypeAttribute;

    /// <summary>The same for all of these attributes, as all are equal.</summary>
    /// <returns>The hash code.</returns>
    public override int GetHashCode() => typeof(AnySizeImageTypeAttribute).GetHashCode();
}
