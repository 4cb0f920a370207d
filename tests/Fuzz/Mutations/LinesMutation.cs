using System.Text;

namespace Microsoft.ML.Sla.Fuzz.Mutations;

/// <summary>Changes a file of JSON, or of lines of it, so that it stays one; or its bytes.</summary>
internal static class LinesMutation
{
    public static byte[] Mutate(byte[] file, IReadOnlyList<byte[]> others, Random random)
    {
        if (random.Next(4) == 0)
            return RawMutation.Mutate(file, others, random);
        string[] lines = Encoding.UTF8.GetString(file).Split('\n');
        int index = random.Next(Math.Max(1, lines.Length - 1));
        lines[index] = JsonMutation.Mutate(lines[index], random);
        return Encoding.UTF8.GetBytes(string.Join('\n', lines));
    }
}
