using System.Reflection;
using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests.House;

/// <summary>A null where a public method takes none is an ArgumentNullException with the name of the parameter.</summary>
public sealed class NullArgumentTests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly NullabilityInfoContext _nullability = new();

    [Fact]
    public void Every_public_method_refuses_null_by_the_name_of_the_parameter()
    {
        string model = InFolder("model.zip");
        ModelFile.Save(_mlContext, model);
        using var predictor = SlaPredictor.Load(model);
        using var transformer = SlaTransformer.Load(_mlContext, model);
        using var embedding = SlaEmbeddingTransformer.FromBackbone(_mlContext, Architecture.FromOnnx(BackboneFile.PathOf("resnet"), new OnnxBackboneOptions { ImageSize = 32 }), imageSize: 32);
        var catalog = _mlContext.MulticlassClassification;
        object[] instances =
        [
            _mlContext, catalog, catalog.Trainers, _mlContext.Transforms, predictor, transformer, TransformationSet.Rotation, Architecture.ConvNet(4), new ImageShape(3, 8, 8),
            new SlaSearchSpace(), catalog.CreateSlaExperiment(new SlaExperiment.Options()), catalog.Trainers.Sla(Training.Options()),
            catalog.Trainers.SlaFewShot(Training.FewShotOptions()), _mlContext.Data.LoadFromEnumerable([new Row()]),
            "text", new string[] { "text" }, new float[] { 1 }, new[] { (2, 1) }, 2, 0.5f, 1.0, TimeSpan.FromSeconds(1), embedding, (Action<SlaTrainer.Options, double>)((_, _) => { }),
        ];
        var wrong = new List<string>();
        int tried = 0;
        foreach (var method in PublicMethods().Where(method => method.IsStatic || method.IsConstructor || Instance(method.DeclaringType!) is not null))
        {
            foreach (var parameter in method.GetParameters().Where(TakesNoNull))
            {
                object?[] arguments = [.. method.GetParameters().Select(other => other == parameter ? null : Value(other))];
                tried++;
                string outcome = Outcome(method, arguments);
                if (!outcome.Equals(parameter.Name, StringComparison.OrdinalIgnoreCase))
                    wrong.Add($"{method.DeclaringType!.Name}.{method.Name}({parameter.Name}): {outcome}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
        Assert.True(tried > 60, $"{tried}");

        object? Instance(Type type) => instances.FirstOrDefault(type.IsInstanceOfType);

        object? Value(ParameterInfo parameter)
        {
            object? value = parameter.HasDefaultValue ? parameter.DefaultValue : Instance(Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType);
            return value ?? (parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null);
        }

        string Outcome(MethodBase method, object?[] arguments)
        {
            try
            {
                _ = method is ConstructorInfo constructor ? constructor.Invoke(arguments) : method.Invoke(method.IsStatic ? null : Instance(method.DeclaringType!), arguments);
                return "no exception";
            }
            catch (TargetInvocationException exception)
            {
                return exception.InnerException is ArgumentNullException refusal ? refusal.ParamName ?? "no name" : $"{exception.InnerException}".Split('\n')[0];
            }
        }
    }

    /// <summary>What equality and the compiler make takes null, or is not called by anybody.</summary>
    private static IEnumerable<MethodBase> PublicMethods() =>
        from type in new[] { typeof(SlaTrainer), typeof(TransformationSet) }.SelectMany(type => type.Assembly.GetExportedTypes())
        where type is { IsInterface: false, ContainsGenericParameters: false } && !type.IsSubclassOf(typeof(Delegate))
        from method in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly).OfType<MethodBase>()
        where method is { IsAbstract: false, IsSpecialName: false } or ConstructorInfo
        where method.Name is not ("Equals" or "ToString" or "GetHashCode" or "Deconstruct" or "PrintMembers") && !method.ContainsGenericParameters
        where type.GetMethod("<Clone>$") is null || method is not ConstructorInfo
        where !type.IsAssignableTo(typeof(ITrainingObserver))
        where !method.GetParameters().Any(parameter => parameter.ParameterType.IsByRefLike)
        select method;

    private bool TakesNoNull(ParameterInfo parameter) =>
        !parameter.ParameterType.IsValueType && !parameter.ParameterType.IsByRef && _nullability.Create(parameter).WriteState == NullabilityState.NotNull;

    private sealed class Row
    {
        public string Label { get; set; } = "a";

        [VectorType(4)]
        public float[] Features { get; set; } = [1, 2, 3, 4];
    }
}
