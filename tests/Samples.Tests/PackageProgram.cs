namespace Microsoft.ML.Sla.Tests;

/// <summary>A program that knows the libraries as packages alone, and the parts of it that other such programs have too.</summary>
internal static class PackageProgram
{
    /// <summary>Makes rows of two classes.</summary>
    public const string Rows =
        """
        var mlContext = new MLContext(seed: 1);
        var rows = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(row => new Row { Label = row % 2 == 0 ? "dark" : "light", Image = Row.Of(row % 2) }));
        var labelled = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);

        """;

    /// <summary>Trains on the rows, and scores them.</summary>
    public const string Training =
        """

        using var model = mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
        {
            FeatureColumnName = "Image",
            Channels = 1,
            ImageWidth = 16,
            ImageHeight = 16,
            Architecture = Architecture.ConvNet(4),
            Epochs = 1,
        }).Fit(labelled);
        var scores = model.Transform(labelled).GetColumn<float[]>("Score").ToList();
        if (scores.Count != 8 || scores.Any(score => score.Length != 2 || Math.Abs(score.Sum() - 1) > 1e-4))
            throw new InvalidOperationException("The model's scores are not probabilities of two classes.");

        """;

    /// <summary>The type of the rows, and what resolves the members of types.</summary>
    public const string Types =
        """

        internal sealed class Row
        {
            public string Label { get; set; } = "";

            [VectorType(256)]
            public float[] Image { get; set; } = [];

            public static float[] Of(int brightness) => Enumerable.Repeat(brightness * 255f, 256).ToArray();
        }

        internal static class Members
        {
            private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

            /// <summary>What a member is made of is loaded with it. An assembly that is not there is an exception.</summary>
            public static void Resolve(Type type)
            {
                _ = (type.BaseType, type.GetInterfaces(), type.GetCustomAttributes(false));
                foreach (var member in type.GetMembers(All))
                {
                    _ = member.GetCustomAttributes(false);
                    _ = (member as FieldInfo)?.FieldType;
                    _ = (member as PropertyInfo)?.PropertyType;
                    _ = (member as EventInfo)?.EventHandlerType;
                    _ = (member as MethodInfo)?.ReturnType;
                    _ = (member as MethodBase)?.GetParameters().Select(parameter => (parameter.ParameterType, parameter.GetCustomAttributes(false))).ToList();
                }

                foreach (var method in MethodsOf(type))
                    RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }

            /// <summary>The methods that can be compiled.</summary>
            public static IEnumerable<MethodBase> MethodsOf(Type type) => type.ContainsGenericParameters || type.IsSubclassOf(typeof(Delegate))
                ? []
                : type.GetMembers(All).OfType<MethodBase>().Where(method => !method.IsAbstract && !method.ContainsGenericParameters);
        }
        """;

    /// <summary>Resolves every member of the libraries, compiles every method of them, and trains. It prints the number of public types.</summary>
    public const string Code =
        """
        using System.Reflection;
        using System.Runtime.CompilerServices;
        using Microsoft.ML;
        using Microsoft.ML.Data;
        using Microsoft.ML.Sla;

        Assembly[] libraries = [typeof(TransformationSet).Assembly, typeof(SlaTrainer).Assembly, typeof(SlaPredictorService).Assembly];
        foreach (var type in libraries.SelectMany(library => library.GetTypes()))
            Members.Resolve(type);


        """ + Rows + Training +
        """

        Console.WriteLine($"{Environment.Version.Major} {string.Join(' ', libraries.Select(library => library.GetExportedTypes().Length))}");

        """ + Types;
}
