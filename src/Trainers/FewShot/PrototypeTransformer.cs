using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.FewShot;

namespace Microsoft.ML.Sla;

/// <summary>
/// A classifier by nearest prototypes. Classes can be added and removed without training. It scores with an ONNX graph inside ML.NET's
/// own transformers. A program that references neither this library nor TorchSharp can therefore load it with <c>mlContext.Model.Load</c>,
/// once <c>mlContext.Model.Save</c> has saved it.
/// </summary>
/// <remarks>
/// Adds two columns: <c>Score</c>, a vector of the N class probabilities with the class names as slot names, and
/// <c>PredictedLabel</c>, a key with the label's key values: the class names, or the values that they represent.
/// </remarks>
public sealed class PrototypeTransformer : ScoringTransformer
{
    private readonly IHostEnvironment _environment;
    private readonly PrototypeModel _model;

    internal PrototypeTransformer(IHostEnvironment environment, PrototypeModel model)
        : base(model.ToOnnx(), (file, _) => FewShotChain.CreatePrototypes(environment, model.Description, file))
    {
        _environment = environment;
        _model = model;
    }

    /// <summary>The N class names, in the order of Score.</summary>
    public IReadOnlyList<string> ClassNames => _model.Description.Labels.Names;

    /// <summary>Name of the column of embeddings that the classifier reads.</summary>
    public string EmbeddingColumnName => _model.Description.EmbeddingColumn;

    /// <summary>Reads a classifier back from a file that <c>mlContext.Model.Save</c> wrote, to add or remove classes.</summary>
    /// <param name="mlContext">The context that scores.</param>
    /// <param name="path">The saved model: a classifier by itself or in a pipeline. Only the classifier is read.</param>
    /// <returns>The classifier.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no prototype classifier, or several.</exception>
    public static PrototypeTransformer Load(MLContext mlContext, string path)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(path);
        return new PrototypeTransformer(mlContext, PrototypeModel.Read(path));
    }

    /// <summary>
    /// Makes a classifier with one more class, the last in order. The prototypes of the other classes do not change. The two classifiers are
    /// independent: dispose both.
    /// </summary>
    /// <param name="name">The name of the class.</param>
    /// <param name="rows">Rows of the class, one or more, with the column of embeddings. A label column is not read.</param>
    /// <returns>The classifier.</returns>
    /// <exception cref="ArgumentException">
    /// A class of this name exists, the name is not a value of the label's type, the rows lack the column of embeddings, or there are no rows.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The classifier is disposed.</exception>
    public PrototypeTransformer WithClass(string name, IDataView rows)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(rows);
        name = _model.Description.Labels.Canonical(name) ?? throw new ArgumentException(
            $"'{name}' is not a value of the label's type, {_model.Description.Labels.ValueKind}. Give a name that is, such as '{ClassNames[0]}'.", nameof(name));
        if (ClassNames.Contains(name))
            throw new ArgumentException($"There is a class '{name}' already. Give another name, or call WithoutClass(\"{name}\") first.", nameof(name));

        EmbeddedRows.CheckEmbedding(MLNetInternals.ShapeOf(rows.Schema), EmbeddingColumnName);
        if (((VectorDataViewType)rows.Schema[EmbeddingColumnName].Type).Size is var size && size != _model.Description.EmbeddingSize)
        {
            throw new ArgumentException(
                $"The column '{EmbeddingColumnName}' has {size} values, and those of the other classes {_model.Description.EmbeddingSize}. "
                + "Embed the rows with the transformer that the classifier was made with.", nameof(rows));
        }

        float[][] vectors = [.. rows.GetColumn<float[]>(EmbeddingColumnName)];
        return vectors.Length > 0
            ? With([.. ClassNames, name], [.. _model.Prototypes, EmbeddedRows.Mean(vectors)])
            : throw new ArgumentException($"There are no rows of the class '{name}', and a prototype is made of one row or more.", nameof(rows));
    }

    /// <summary>
    /// Makes a classifier without a class. The prototypes of the other classes do not change. The two classifiers are independent: dispose
    /// both.
    /// </summary>
    /// <param name="name">The name of the class.</param>
    /// <returns>The classifier.</returns>
    /// <exception cref="ArgumentException">There is no class of this name, or it is the only one.</exception>
    /// <exception cref="ObjectDisposedException">The classifier is disposed.</exception>
    public PrototypeTransformer WithoutClass(string name)
    {
        int index = Array.IndexOf(_model.Description.Labels.Names, name);
        if (index < 0)
            throw new ArgumentException($"There is no class '{name}'. The classes are: {string.Join(", ", ClassNames)}.", nameof(name));
        if (ClassNames.Count == 1)
            throw new ArgumentException($"'{name}' is the only class, and a classifier needs one. Add another first, with WithClass.", nameof(name));
        return With([.. ClassNames.Where((_, i) => i != index)], [.. _model.Prototypes.Where((_, i) => i != index)]);
    }

    private PrototypeTransformer With(string[] names, float[][] prototypes)
    {
        using var use = Use();
        var description = _model.Description with { Labels = _model.Description.Labels with { Names = names } };
        return new PrototypeTransformer(_environment, new PrototypeModel(description, prototypes));
    }
}
