using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class ArchitectureNameTests
{
    [Theory]
    [InlineData("cifar-resnet-8", "CIFAR ResNet-8")]
    [InlineData("cifar-resnet", "CIFAR ResNet-32")]
    [InlineData("Cifar-ResNet-14-2", "CIFAR ResNet-14x2")]
    [InlineData("wide-resnet-28-2", "WideResNet-28-2")]
    [InlineData("resnet-50", "ResNet-50")]
    [InlineData("resnet-12-32", "ResNet-12x32")]
    [InlineData(" conv-net-32 ", "ConvNet-4x32")]
    [InlineData("auto", "Auto")]
    public void A_name_gives_its_architecture(string text, string name) => Assert.Equal(name, Architecture.Parse(text).Name);

    [Fact]
    public void The_name_that_logs_show_gives_the_same_architecture()
    {
        Architecture[] all =
        [
            Architecture.Auto, Architecture.CifarResNet(20), Architecture.CifarResNet(14, 2), Architecture.WideResNet(16, 4),
            Architecture.ResNet(34), Architecture.ResNet12(), Architecture.ConvNet(8),
        ];
        Assert.All(all, architecture => Assert.Equal(architecture.Name, Architecture.Parse(architecture.Name).Name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("vgg-16")]
    [InlineData("auto-3")]
    [InlineData("wide-resnet-28")]
    [InlineData("cifar-resnet-8-2-1")]
    [InlineData("conv-net-64;")]
    public void An_unknown_name_is_refused_with_the_names_there_are(string text)
    {
        var exception = Assert.Throws<FormatException>(() => Architecture.Parse(text));
        Assert.All(Architecture.NamePatterns, pattern => Assert.Contains(pattern, exception.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("cifar-resnet-9")]
    [InlineData("conv-net-99999999999")]
    public void A_number_that_the_architecture_does_not_have_is_refused(string text) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Architecture.Parse(text));
}
