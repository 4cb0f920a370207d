// The least that a program does to classify an image with ONNX Runtime, for "Speed predict-start" to measure `sla predict` against:
//   MinimalOnnx MODEL.onnx IMAGE
// with a model that `sla export` wrote. It knows no class names, and prints the numbers of the three most probable classes.
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;

using var session = new InferenceSession(args[0]);
int[] shape = session.InputMetadata["Images"].Dimensions;
var (channels, height, width) = (shape[1], shape[2], shape[3]);

using var decoded = SKBitmap.Decode(args[1]);
using var image = decoded.Resize(new SKImageInfo(width, height, SKColorType.Rgba8888), SKFilterQuality.Medium);
var bytes = image.GetPixelSpan();
float[] pixels = new float[channels * height * width];
for (int channel = 0; channel < channels; channel++)
{
    for (int i = 0; i < height * width; i++)
        pixels[(channel * height * width) + i] = bytes[(4 * i) + channel];
}

using var input = OrtValue.CreateTensorValueFromMemory(pixels, [1, channels, height, width]);
using var options = new RunOptions();
using var results = session.Run(options, ["Images"], [input], ["Score"]);
float[] scores = results[0].GetTensorDataAsSpan<float>().ToArray();
int[] classes = [.. Enumerable.Range(0, scores.Length)];
Array.Sort(classes, (a, b) => scores[b].CompareTo(scores[a]));
Console.Out.WriteLine($"{args[1]}: {string.Join(", ", classes.Take(3).Select(c => string.Create(CultureInfo.InvariantCulture, $"{c} {scores[c]:P1}")))}");
