using System.Text;
using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Data;

/// <summary>Describes a row of a data view for a message: its number and its texts, such as the path of the image.</summary>
internal static class RowDescription
{
    public static string Of(IDataView data, long position)
    {
        var description = new StringBuilder($"row {position}");
        var texts = data.Schema.Where(column => column.Type is TextDataViewType && !column.IsHidden).ToList();
        if (texts.Count == 0)
            return description.ToString();

        using var cursor = data.GetRowCursor(texts);
        for (long row = 0; row <= position; row++)
        {
            if (!cursor.MoveNext())
                return description.ToString();
        }

        ReadOnlyMemory<char> text = default;
        var values = new List<string>();
        foreach (var column in texts)
        {
            cursor.GetGetter<ReadOnlyMemory<char>>(column)(ref text);
            values.Add($"{column.Name} = '{text}'");
        }

        return description.Append(" (").AppendJoin(", ", values).Append(')').ToString();
    }
}
