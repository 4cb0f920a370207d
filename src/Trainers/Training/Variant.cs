namespace Microsoft.ML.Sla.Training;

/// <summary>Ways for SLA to win sooner that are tried, by the variable SLA_VARIANT.</summary>
internal static class Variant
{
    private static readonly Dictionary<string, double> Values = (Environment.GetEnvironmentVariable("SLA_VARIANT") ?? "")
        .Split(',', StringSplitOptions.RemoveEmptyEntries)
        .Select(part => part.Split('='))
        .ToDictionary(part => part[0], part => part.Length == 1 ? 1 : double.Parse(part[1], System.Globalization.CultureInfo.InvariantCulture));

    public static double Of(string name, double otherwise) => Values.GetValueOrDefault(name, otherwise);

    public static readonly bool SharesClassPart = Values.ContainsKey("shared");
    public static readonly double Beta = Of("beta", 1);
    public static readonly double ImageFirst = Of("first", 0);
    public static readonly double ImageLast = Of("last", 0);
}
