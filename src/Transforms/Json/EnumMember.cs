namespace Microsoft.ML.Sla;

/// <summary>Reads members of enumerations from files.</summary>
internal static class EnumMember
{
    /// <summary>The member with a name. Case matters.</summary>
    /// <exception cref="InvalidDataException">The enumeration has no such member.</exception>
    public static object Parse(Type type, string name) => Array.IndexOf(Enum.GetNames(type), name) >= 0
        ? Enum.Parse(type, name)
        : throw new InvalidDataException($"'{name}' is not a member of {type.Name}.");
}
