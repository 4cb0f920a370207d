using System.Reflection;
using System.Text.RegularExpressions;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Microsoft.ML.Sla.Tests.House;

/// <summary>Which types of an assembly refer to which, and the folders that their source files are in.</summary>
internal sealed partial class AssemblyReferences
{
    private readonly Dictionary<string, string> _folders = [];

    /// <param name="assembly">The file of the assembly.</param>
    /// <param name="sources">The folder of its source files.</param>
    public AssemblyReferences(string assembly, string sources)
    {
        foreach (string file in Directory.GetFiles(sources, "*.cs", SearchOption.AllDirectories).Where(file => !IsBuilt(Path.GetRelativePath(sources, file))))
        {
            string folder = Path.GetRelativePath(sources, Path.GetDirectoryName(file)!).Replace('\\', '/');
            foreach (Match declaration in Declaration().Matches(File.ReadAllText(file)))
                _folders.TryAdd(declaration.Groups["name"].Value, folder);
        }

        using var module = ModuleDefinition.ReadModule(assembly);
        All = [.. module.Types.SelectMany(Of).Distinct().Order()];
    }

    /// <summary>The folder that this project's sources are in, beside its tests.</summary>
    public static string Sources(string project) => Path.Combine(
        typeof(AssemblyReferences).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == "Sources").Value!, project);

    /// <summary>Each type with a type of another folder that it refers to.</summary>
    public IReadOnlyList<(string Folder, string Type, string ReferredFolder, string Referred)> All { get; }

    /// <summary>The folders that hold types.</summary>
    public IEnumerable<string> Folders => _folders.Values.Distinct();

    private static bool IsBuilt(string path) => path.StartsWith("obj", StringComparison.Ordinal) || path.StartsWith("bin", StringComparison.Ordinal);

    [GeneratedRegex(@"^\s*(?:(?:public|internal|private|protected|file|sealed|abstract|static|partial|readonly|ref|unsafe) )*(?:class|record struct|record|struct|enum|interface) (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    private IEnumerable<(string, string, string, string)> Of(TypeDefinition type)
    {
        if (!_folders.TryGetValue(NameOf(type), out string? folder))
            yield break;

        foreach (string referred in WithNested(type).SelectMany(References).SelectMany(Parts).Where(reference => reference.Scope == type.Module).Select(NameOf).Distinct())
        {
            if (_folders.TryGetValue(referred, out string? there) && there != folder)
                yield return (folder, NameOf(type), there, referred);
        }
    }

    private static IEnumerable<TypeDefinition> WithNested(TypeDefinition type) => type.NestedTypes.SelectMany(WithNested).Prepend(type);

    private static IEnumerable<TypeReference?> References(TypeDefinition type) =>
    [
        type.BaseType,
        .. type.Interfaces.Select(implemented => implemented.InterfaceType),
        .. type.Fields.Select(field => field.FieldType),
        .. type.CustomAttributes.SelectMany(attribute => attribute.ConstructorArguments.Select(argument => argument.Value as TypeReference)),
        .. type.Methods.SelectMany(References),
    ];

    private static IEnumerable<TypeReference?> References(MethodDefinition method) =>
    [
        method.ReturnType,
        .. method.Parameters.Select(parameter => parameter.ParameterType),
        .. method.HasBody ? method.Body.Variables.Select(variable => variable.VariableType) : [],
        .. method.HasBody ? method.Body.Instructions.SelectMany(References) : [],
    ];

    private static IEnumerable<TypeReference?> References(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        GenericInstanceMethod generic => [generic.DeclaringType, generic.ReturnType, .. generic.GenericArguments],
        MethodReference method => [method.DeclaringType, method.ReturnType, .. method.Parameters.Select(parameter => parameter.ParameterType)],
        _ => [],
    };

    /// <summary>A type with its element type, or with its generic arguments.</summary>
    private static IEnumerable<TypeReference> Parts(TypeReference? type) => type switch
    {
        null or GenericParameter => [],
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Append(generic.ElementType),
        TypeSpecification specification => Parts(specification.ElementType),
        _ => [type],
    };

    private static string NameOf(TypeReference type)
    {
        while (type.DeclaringType is not null)
            type = type.DeclaringType;
        return type.Name.Split('`')[0];
    }
}
