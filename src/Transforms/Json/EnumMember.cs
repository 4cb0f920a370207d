namespace Microsoft.ML.Sla;

/// <summary>Members of enumerations that a file names.</summary>
internal static class EnumMember
{
    /// <summary>The member of a name, as it is written in the code.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public static object Parse(Type type, string name) => Array.IndexOf(Enum.GetNames(type), name) >= 0
        ? Enum.Parse(type, name)
        : throw new InvalidDataException($"'{name}' is not a member of {type.Name}.");
}
