using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Fuzz.Mutations;

/// <summary>Changes numbers, texts and members of JSON, so that it stays JSON; now and then its characters.</summary>
internal static class JsonMutation
{
    private const int ManyItems = 1000;
    private const int LongText = 70_000;

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly double[] Numbers =
        [0, 1, 2, -1, 0.5, 1e-300, 1e300, -1e300, 3.5e38, 255, 256, 65_536, 20_000, 1e6, int.MaxValue, int.MinValue, uint.MaxValue, 1e15, 1e18, -1e18];

    private static readonly string[] Texts =
    [
        "", " ", "0", "-1", "NaN", "Infinity", "99999999999999999999", "2147483648", "1e999", "null", "true", "../../name", "/", "a\0b", "a\nb", "a\tb",
        "\u001b[31mred", "\u202e\ufeff", "Single", "Aggregated", "Sla", "{}", "[]", new('x', LongText),
    ];

    /// <summary>Mutates the text; what is no JSON, or by one chance in eight, as characters.</summary>
    public static string Mutate(string text, Random random)
    {
        if (random.Next(8) == 0 || Parse(text) is not { } root)
            return Encoding.UTF8.GetString(RawMutation.Mutate(Encoding.UTF8.GetBytes(text), [Encoding.UTF8.GetBytes(text)], random));
        int changes = random.Next(2) == 0 ? 1 : random.Next(2, 4);
        for (int change = 0; change < changes; change++)
            root = Change(root, random);
        return root?.ToJsonString(Relaxed) ?? "null";
    }

    /// <summary>Changes one member or item, or, where there is none, the whole.</summary>
    public static JsonNode? Change(JsonNode? root, Random random)
    {
        var places = new List<JsonNode>();
        Collect(root, places);
        if (places.Count == 0 || random.Next(50) == 0)
            return Value(root, random);

        var parent = places[random.Next(places.Count)];
        if (parent is JsonArray array)
            Change(array, random);
        else
            Change((JsonObject)parent, random);
        return root;
    }

    private static void Change(JsonArray array, Random random)
    {
        int index = random.Next(array.Count);
        switch (random.Next(8))
        {
            case 0:
                array.RemoveAt(index);
                break;
            case 1:
                array.Insert(index, array[index]?.DeepClone());
                break;
            case 2 when array.Count < ManyItems && array[index] is not JsonObject:
                for (int i = 0; i < ManyItems; i++)
                    array.Add(array[index]?.DeepClone());
                break;
            default:
                array[index] = Value(array[index], random);
                break;
        }
    }

    private static void Change(JsonObject parent, Random random)
    {
        string name = parent.ElementAt(random.Next(parent.Count)).Key;
        switch (random.Next(10))
        {
            case 0:
                parent.Remove(name);
                break;
            case 1:
                var value = parent[name]?.DeepClone();
                parent.Remove(name);
                parent[Texts[random.Next(Texts.Length)]] = value;
                break;
            case 2:
                parent[name] = parent.ElementAt(random.Next(parent.Count)).Value?.DeepClone();
                break;
            default:
                parent[name] = Value(parent[name], random);
                break;
        }
    }

    /// <summary>Another value: of the same type in most cases.</summary>
    private static JsonNode? Value(JsonNode? old, Random random)
    {
        if (random.Next(4) > 0)
        {
            switch (old?.GetValueKind())
            {
                case JsonValueKind.Number:
                    return random.Next(2) == 0 ? Numbers[random.Next(Numbers.Length)] : RawMutation.Size(random);
                case JsonValueKind.String:
                    return random.Next(2) == 0 ? Texts[random.Next(Texts.Length)] : old.GetValue<string>() + "x";
                case JsonValueKind.True or JsonValueKind.False:
                    return !old.GetValue<bool>();
            }
        }

        return random.Next(8) switch
        {
            0 or 1 => null,
            2 => true,
            3 => Numbers[random.Next(Numbers.Length)],
            4 => RawMutation.Size(random),
            5 => Texts[random.Next(Texts.Length)],
            6 => new JsonArray(),
            _ => new JsonObject(),
        };
    }

    private static JsonNode? Parse(string text)
    {
        try
        {
            // A node finds out that a member is there twice only when it is looked at.
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>All objects and arrays that have something in them.</summary>
    private static void Collect(JsonNode? node, List<JsonNode> places)
    {
        if (node is JsonObject { Count: > 0 } parent)
        {
            places.Add(parent);
            foreach (var (_, value) in parent)
                Collect(value, places);
        }
        else if (node is JsonArray { Count: > 0 } array)
        {
            places.Add(array);
            foreach (var value in array)
                Collect(value, places);
        }
    }
}
