using Microsoft.ML.Sla.Tensors;
using Mono.Cecil;
using Mono.Cecil.Rocks;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

public sealed class TensorArithmeticTests
{
    private static readonly string NumberName = typeof(TorchSharp.Scalar).FullName!;

    [Fact]
    public void Results_are_those_of_torch()
    {
        TorchLibrary.EnsureLoaded();
        using var scope = NewDisposeScope();
        float[] values = [-2.5f, 0, 0.75f, 4], others = [1, -3, 2, 0.5f];
        Tensor x = tensor(values), y = tensor(others);

        AssertValues(v => v + 3, x.Plus(3));
        AssertValues(v => 3 - v, x.SubtractedFrom(3));
        AssertValues(v => v * 3, x.Times(3.0));
        AssertValues(v => v / 4, x.Over(4));
        AssertValues(v => v - (MathF.Floor(v / 2) * 2), x.Modulo(2));
        AssertValues(v => v * v, x.ToPower(2));
        AssertValues(v => Math.Clamp(v, -1, 1), x.Between(-1, 1));
        AssertValues(v => Math.Max(v, 0.5f), x.AtLeast(0.5));
        AssertValues(v => v == 0 ? 7 : v, x.With(7, x.IsZero()));
        AssertValues(v => v < 0 ? v / 4 : v, x.clone().LeakyRelu(0.25));
        AssertValues(_ => 9, x.clone().Fill(9));
        AssertValues(v => v * 5, x.clone().Multiply(5));
        Assert.Equal(values.Zip(others, (v, w) => v + w), x.Plus(y).data<float>().ToArray());
        Assert.Equal(values.Zip(others, (v, w) => v + w), x.clone().Add(y).data<float>().ToArray());
        Assert.Equal(values.Zip(others, (v, w) => v + (2 * w)), x.PlusMultiple(y, 2).data<float>().ToArray());
        Assert.Equal(values.Zip(others, (v, w) => v - (2 * w)), x.clone().Add(y, -2).data<float>().ToArray());
        Assert.Equal([0L, 1, 2], TensorArithmetic.Range(3, CPU).data<long>().ToArray());
        Assert.Equal([0L, 4, 8], TensorArithmetic.Range(3, CPU).Times(4).data<long>().ToArray());

        void AssertValues(Func<float, float> expected, Tensor actual) => Assert.Equal(values.Select(expected), actual.data<float>().ToArray());
    }

    // With TorchSharp's own x + y in its place, some twenty of 400,000 sums of this test failed.
    [Fact]
    public async Task Numbers_outlive_the_call_while_garbage_is_collected()
    {
        TorchLibrary.EnsureLoaded();
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        var collection = Task.Run(
            () =>
            {
                while (!end.IsCancellationRequested)
                {
                    GC.Collect(0);
                    GC.WaitForPendingFinalizers();
                }
            },
            TestContext.Current.CancellationToken);

        using Tensor x = ones(1), y = ones(1);
        while (!end.IsCancellationRequested)
        {
            using Tensor sum = x.Plus(y), twice = sum.Times(2.0);
            Assert.Equal(4, twice.data<float>()[0]);
        }

        await collection;
    }

    [Theory]
    [InlineData(typeof(TensorArithmetic))]
    [InlineData(typeof(ImageShape))]
    public void Nothing_else_of_the_library_has_TorchSharp_make_numbers(Type ofAssembly)
    {
        using var torchSharp = ModuleDefinition.ReadModule(typeof(Tensor).Assembly.Location);
        using var library = ModuleDefinition.ReadModule(ofAssembly.Assembly.Location);
        var makers = NumberMakers(torchSharp);
        Assert.Contains(makers, method => method.EndsWith("Tensor::op_Addition(TorchSharp.torch/Tensor,TorchSharp.torch/Tensor)", StringComparison.Ordinal));
        var optimizers = torchSharp.GetAllTypes().Where(type => type.Methods.Any(method => method.Name == "step" && makers.Contains(method.FullName))).Select(type => type.FullName).ToHashSet();
        Assert.Contains("TorchSharp.Modules.SGD", optimizers);

        var offences =
            from type in library.GetAllTypes()
            where type.FullName != typeof(TensorArithmetic).FullName
            from method in type.Methods
            from called in Calls(method)
            where makers.Contains(called.FullName) || IsNumber(called.DeclaringType) || IsNumber(called.ReturnType) || optimizers.Contains(called.ReturnType.FullName)
            select $"{method.FullName} calls {called.FullName}; see {nameof(TensorArithmetic)}";
        Assert.True(!offences.Any(), string.Join('\n', offences));
    }

    /// <summary>The methods of TorchSharp that make a number, or call one that does.</summary>
    private static HashSet<string> NumberMakers(ModuleDefinition torchSharp)
    {
        var callers = torchSharp.GetAllTypes().SelectMany(type => type.Methods)
            .SelectMany(method => Calls(method).Select(called => (Caller: method.FullName, Called: called)))
            .ToLookup(call => IsNumber(call.Called.DeclaringType) && call.Called.Name is ".ctor" or "op_Implicit" ? NumberName : call.Called.FullName, call => call.Caller);
        var makers = new HashSet<string>();
        var left = new Queue<string>([NumberName]);
        while (left.TryDequeue(out string? called))
        {
            foreach (string caller in callers[called].Where(makers.Add))
                left.Enqueue(caller);
        }

        return makers;
    }

    private static bool IsNumber(TypeReference type) => type.FullName == NumberName;

    private static IEnumerable<MethodReference> Calls(MethodDefinition method) =>
        method.HasBody ? method.Body.Instructions.Select(instruction => instruction.Operand).OfType<MethodReference>() : [];
}
