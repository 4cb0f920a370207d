using System.Globalization;
using BenchmarkDotNet.Running;
using Microsoft.ML.Sla.Speed;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["compare", var peer, var images, var output, .. var rest]:
        return new Comparison(peer, images, repeats: rest is [var repeats] ? int.Parse(repeats, CultureInfo.InvariantCulture) : 10).Run(output);
    case ["measure", var name, .. var options]:
        return Measurements.Print(name, options);
    case ["predict-start", var model, var image, .. var rest]:
        return PredictStart.Run(model, image, repeats: rest is [var starts] ? int.Parse(starts, CultureInfo.InvariantCulture) : 20);
    case [PhotoMemory.Verb]:
        return PhotoMemory.Run(PhotoMemory.DefaultFolder);
    case [PhotoMemory.Verb, var folder]:
        return PhotoMemory.Run(folder);
    case [PhotoMemory.Verb, var folder, var way]:
        return PhotoMemory.Measure(folder, way);
    case [FineTuning.Verb, var output, .. var rest]:
        return FineTuning.Run(repeats: NumberOr(10, rest, 0), threads: NumberOr(Environment.ProcessorCount, rest, 1), new Results(output, string.Join(' ', args)));
    case [FeatureExtraction.Verb, var photos, var output, .. var rest]:
        return FeatureExtraction.Run(photos, rounds: NumberOr(7, rest, 0), images: NumberOr(608, rest, 1), new Results(output, string.Join(' ', [FeatureExtraction.Verb, "PHOTOS", output, .. rest])));
    case [Predictions.Verb, var model, var images, var output, .. var rest]:
        return Predictions.Run(model, images, NumberOr(200_000, rest, 0), NumberOr(8, rest, 1), new Results(output, string.Join(' ', [Predictions.Verb, "MODEL.zip", "IMAGES", output, .. rest])));
    case ["micro", .. var options]:
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(options.Length > 0 ? options : ["--filter", "*"]);
        return 0;
    default:
        Console.Error.WriteLine("""
            Speed compare PEER.py IMAGES OUTPUT [REPEATS]   measures this library and the PyTorch script in turn; writes OUTPUT.json and OUTPUT.md; IMAGES: a folder of JPEG files, one folder a class
            Speed measure NAME [OPTIONS]             one measurement of this library, as a line of JSON: matmul, train [PRECISION], score, folder DIRECTORY, fine-tuning file|layers PRECISION [THREADS]
            Speed predict-start MODEL.zip IMAGE [REPEATS]   times processes of `sla predict` and of MinimalOnnx in turn, both published alike; run in the folder of the repository
            Speed photo-memory [FOLDER]              peak memory and time of training on photos, by the way of loading them; makes the photos in FOLDER where it is empty
            Speed fine-tuning RESULTS.jsonl [REPEATS] [THREADS]   a training step of ResNet-18 on photos of 160 x 160 pixels, beside PyTorch, in turn; adds lines to RESULTS.jsonl
            Speed features PHOTOS RESULTS.jsonl [ROUNDS] [IMAGES]   from photos to embeddings, beside ONNX Runtime alone, in turn; PHOTOS: a folder with a folder for each class; adds lines to RESULTS.jsonl
            Speed predictions MODEL.zip IMAGES RESULTS.jsonl [COUNT] [THREADS]   predictions from bytes on several threads, beside ONNX Runtime alone, in turn; adds lines to RESULTS.jsonl
            Speed micro [OPTIONS]                    micro benchmarks, with the options of BenchmarkDotNet
            """);
        return 1;
}

static int NumberOr(int standard, string[] arguments, int index) => index < arguments.Length ? int.Parse(arguments[index], CultureInfo.InvariantCulture) : standard;
