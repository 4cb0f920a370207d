using System.Diagnostics;
using Microsoft.ML.Sla;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using static TorchSharp.torch;

int steps = args.Length > 0 ? int.Parse(args[0]) : 8;
TorchLibrary.EnsureLoaded();
using var memory = args.Contains("nokeep") ? null : TensorMemory.Keep();

set_num_threads(Environment.ProcessorCount);
var random = new Random(1);
var shape = new ImageShape(3, 32, 32);
var store = Store();
var objective = SlaObjectives.Create(SlaObjective.Sla, 10, 4, new ObjectiveSettings());
using var network = new SlaNetwork(Architecture.CifarResNet(32), shape, objective.Heads, 1);
using var views = new ViewAugmenter(TransformationSet.Rotation, shape, CPU);
using var loader = new BatchLoader(shape, PixelNormalization.MinusOneToOne, CPU);
var settings = new TrainingSettings(1, 128, 4, 0.01, LearningRateSchedule.Constant, 0.9, 1e-4, [], 1)
{ ComputeType = args.Contains("bf16") ? ScalarType.BFloat16 : ScalarType.Float32 };
using var step = new TrainingStep(network, objective, views, loader, settings);
int[] rows = [.. Enumerable.Range(0, 128)];
var times = new List<double>();
for (int i = 0; i < steps; i++)
{
    using var images = store.Open(rows);
    var clock = Stopwatch.StartNew();
    using var loss = step.Run(images, 128, 0.01, random);
    times.Add(clock.Elapsed.TotalSeconds);
    if (i % 10 == 9 || i < 10)
        Console.Write(File.ReadAllLines("/proc/self/status").First(l => l.StartsWith("VmRSS"))[6..] + $" {times[^1]:F2}s " + Tensor.TotalCount + ";");
}
times.Sort();
Console.WriteLine($"{128 / times[times.Count / 2]:F1} images/s, best {128 / times[0]:F1}");
Console.WriteLine(File.ReadAllLines("/proc/self/status").First(l => l.StartsWith("VmHWM")));

PixelStore Store()
{
    var s = new PixelStore(shape, [.. Enumerable.Range(0, 128).Select(i => ((long)i, i % 10))]);
    for (int i = 0; i < 128; i++)
        random.NextBytes(s.Pixels(i));
    return s;
}

