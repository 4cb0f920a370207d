global using Lock = System.Object;
using System.Buffers;

namespace Microsoft.ML.Sla;

/// <summary>The members of .NET 9 and 10 that the library uses, for .NET 8.</summary>
internal static class MissingMembers
{
    extension(Convert)
    {
        public static string ToHexStringLower(ReadOnlySpan<byte> bytes) => Convert.ToHexString(bytes).ToLowerInvariant();

        public static OperationStatus FromHexString(string source, Span<byte> destination, out int charsConsumed, out int bytesWritten)
        {
            (charsConsumed, bytesWritten) = (0, 0);
            if (source.Length % 2 != 0)
                return OperationStatus.NeedMoreData;
            if (source.Length / 2 > destination.Length)
                return OperationStatus.DestinationTooSmall;
            if (!source.All(char.IsAsciiHexDigit))
                return OperationStatus.InvalidData;
            Convert.FromHexString(source).CopyTo(destination);
            (charsConsumed, bytesWritten) = (source.Length, source.Length / 2);
            return OperationStatus.Done;
        }
    }

    extension<T>(T[] items)
    {
        public IEnumerable<T> Reverse() => Enumerable.Reverse(items);
    }

    extension<T>(IEnumerable<T> items)
    {
        public IEnumerable<(int Index, T Item)> Index() => items.Select((item, index) => (index, item));

        public IEnumerable<KeyValuePair<TKey, int>> CountBy<TKey>(Func<T, TKey> keyOf)
            where TKey : notnull => items.GroupBy(keyOf).Select(group => KeyValuePair.Create(group.Key, group.Count()));
    }
}
