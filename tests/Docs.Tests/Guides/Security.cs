#region program
using Microsoft.ML.Sla;
#endregion

namespace Guides.Security;

internal static class SecurityGuide
{
    public static int Run()
    {
        #region program
        // A model from elsewhere: the file is checked against its description before anything is computed, and runs no code.
        using var predictor = SlaPredictor.Load("model.zip", pixelLimit: 50_000_000);

        const long MostBytes = 20_000_000;
        int refused = 0;
        foreach (string path in Directory.GetFiles("uploads").Order())
        {
            try
            {
                // Nothing but the size is known before the bytes are read.
                if (new FileInfo(path).Length > MostBytes)
                    throw new InvalidDataException($"'{path}' has more than {MostBytes} bytes.");
                var prediction = predictor.Predict(File.ReadAllBytes(path));
                Console.WriteLine($"{path}: {prediction.Label} ({prediction.Probability:P0})");
            }
            catch (InvalidDataException exception)
            {
                // For the log alone: who sent the file learns that it is no usable image, and no paths.
                Console.Error.WriteLine($"refused: {exception.Message}");
                refused++;
            }
        }
        #endregion

        return refused;
    }
}
