using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What the libraries may know (docs/architecture.md).</summary>
public sealed class HouseTests
{
    [Theory]
    [InlineData(typeof(TransformationSet))]
    [InlineData(typeof(SlaTrainer))]
    public void The_libraries_below_know_no_services(Type ofLibrary) =>
        Assert.DoesNotContain(ofLibrary.Assembly.GetReferencedAssemblies(), reference => reference.Name!.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal));

    [Fact]
    public void Public_types_are_in_the_namespace_of_the_library_and_extensions_in_that_of_services() =>
        Assert.All(typeof(SlaPredictorService).Assembly.GetExportedTypes(), type =>
            Assert.Equal(type.Name.EndsWith("Extensions", StringComparison.Ordinal) ? "Microsoft.Extensions.DependencyInjection" : "Microsoft.ML.Sla", type.Namespace));
}
