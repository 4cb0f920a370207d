using System.Text.Json;

namespace Microsoft.ML.Sla;

/// <summary>
/// Reads values from JSON by name. The library reads descriptions with these methods and not with a serialiser, which takes 70 ms to
/// initialise in a program that has just started and would not notice missing members. To start fast, nothing here is generic over value
/// types, whose code cannot be compiled ahead of time.
/// </summary>
internal static class JsonParts
{
    /// <exception cref="JsonException">The member is missing or null.</exception>
    public static JsonElement Part(this JsonElement json, string name) => json.OptionalPart(name) ?? throw new JsonException($"There is no '{name}'.");

    /// <summary>A member; null if it is missing or null.</summary>
    /// <exception cref="JsonException">The value is not an object.</exception>
    public static JsonElement? OptionalPart(this JsonElement json, string name)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new JsonException($"'{name}' cannot be read from a value that has no members.");
        return json.TryGetProperty(name, out var part) && part.ValueKind != JsonValueKind.Null ? part : null;
    }

    public static string Text(this JsonElement json, string name) => json.Part(name).AsText();

    /// <summary>The name of a column.</summary>
    /// <exception cref="JsonException">The member is missing, or the name is blank.</exception>
    public static string ColumnName(this JsonElement json, string name) =>
        json.Text(name) is var text && !string.IsNullOrWhiteSpace(text) ? text : throw new JsonException($"The column name '{name}' is blank.");

    /// <summary>The name of a column; null if it is missing or null.</summary>
    /// <exception cref="JsonException">The name is blank.</exception>
    public static string? OptionalColumnName(this JsonElement json, string name) => json.OptionalPart(name) is null ? null : json.ColumnName(name);

    public static string AsText(this JsonElement json) => json.GetString() ?? throw new JsonException("A text is null.");

    public static int Int(this JsonElement json, string name) => json.Part(name).GetInt32();

    public static bool Flag(this JsonElement json, string name) => json.Part(name).GetBoolean();

    /// <summary>A number. NaN and infinities are stored as text, because JSON has no numbers for them.</summary>
    public static double Number(this JsonElement json, string name) => json.Part(name).AsNumber();

    public static double? OptionalNumber(this JsonElement json, string name) => json.OptionalPart(name)?.AsNumber();

    public static float Single(this JsonElement json, string name) => json.Part(name).GetSingle();

    /// <summary>A member of an enumeration, by its name.</summary>
    /// <exception cref="JsonException">The enumeration has no such member.</exception>
    public static T Member<T>(this JsonElement json, string name)
        where T : struct, Enum => (T)EnumMember.Parse(typeof(T), json.Text(name));

    public static T[] Items<T>(this JsonElement json, string name, Func<JsonElement, T> read)
        where T : class
    {
        var array = json.Part(name);
        var items = new T[array.GetArrayLength()];
        for (int i = 0; i < items.Length; i++)
            items[i] = read(array[i]);
        return items;
    }

    public static int[] Ints(this JsonElement json, string name)
    {
        var array = json.Part(name);
        int[] values = new int[array.GetArrayLength()];
        for (int i = 0; i < values.Length; i++)
            values[i] = array[i].GetInt32();
        return values;
    }

    public static float[] Singles(this JsonElement json, string name)
    {
        var array = json.Part(name);
        float[] values = new float[array.GetArrayLength()];
        for (int i = 0; i < values.Length; i++)
            values[i] = array[i].GetSingle();
        return values;
    }

    private static double AsNumber(this JsonElement json) => json.ValueKind != JsonValueKind.String ? json.GetDouble() : json.GetString() switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        var text => throw new JsonException($"'{text}' is not a number."),
    };
}
