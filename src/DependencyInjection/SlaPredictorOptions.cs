namespace Microsoft.ML.Sla;

/// <summary>The options of an <see cref="SlaPredictorService"/>.</summary>
/// <remarks>
/// Those of a keyed predictor have its key as their name. A change of <see cref="ModelPath"/>, <see cref="PixelLimit"/>, <see cref="Inference"/> or
/// <see cref="ViewScores"/> in the program's configuration is taken like a change of the file. The other options are read once.
/// </remarks>
public sealed class SlaPredictorOptions
{
    /// <summary>
    /// The model's file, which <c>mlContext.Model.Save</c> wrote. A relative path begins at the content root of the host, or at the current folder
    /// where there is no host. Required.
    /// </summary>
    public string ModelPath { get; set; } = "";

    /// <summary>The largest width times height that an image may declare, 1 or more: see <see cref="SlaPredictor.Load"/>. Default 200,000,000.</summary>
    public long PixelLimit { get; set; } = Images.PixelLimit.Default;

    /// <summary>How images are scored; null, the default, for the inference that the model was saved with. See <see cref="SlaPredictor.WithInference"/>.</summary>
    public SlaInference? Inference { get; set; }

    /// <summary>
    /// Whether predictions have the probabilities of each view (<see cref="SlaPrediction.ViewScores"/>), which takes M passes for each image: see
    /// <see cref="SlaPredictor.WithViewScores"/>. Default false: only models that were saved with them have them.
    /// </summary>
    public bool ViewScores { get; set; }

    /// <summary>
    /// Whether the host loads the model when it starts, and ends with an error if that fails. If false, the first resolution of the service loads
    /// it. Default true.
    /// </summary>
    public bool LoadOnStart { get; set; } = true;

    /// <summary>Whether a changed file is loaded while the program runs. Default true.</summary>
    public bool ReloadOnChange { get; set; } = true;

    /// <summary>
    /// How often the service looks whether the file has changed: 1 millisecond to 1 day. A changed file is loaded once it was the same at two
    /// looks. Default 2 seconds.
    /// </summary>
    public TimeSpan PollingInterval { get; set; } = TimeSpan.FromSeconds(2);
}
