using System.Globalization;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>What came of the cases, a row a reader.</summary>
internal sealed class OutcomeTable
{
    private static readonly Outcome[] Outcomes = Enum.GetValues<Outcome>();

    private readonly List<Row> _rows = [];

    public Row Add(Target target)
    {
        var row = new Row(target.Name);
        _rows.Add(row);
        return row;
    }

    public bool HasFailed => Outcomes.Any(outcome => outcome >= Outcome.Unnamed && Total(outcome) > 0);

    /// <summary>Writes the exceptions that should not be, with a case of each, the table, and a line of sums.</summary>
    public void Write(TextWriter writer)
    {
        foreach (var row in _rows)
        {
            foreach (var (kind, example) in row.Examples)
                writer.WriteLine($"{row.Name}: {kind.Outcome} {row.CountOf(kind)} times, {kind.What}, such as case {example.Number}: {Message(example)}");
        }

        writer.WriteLine();
        writer.WriteLine(Line("reader", ["cases", "a minute", .. Outcomes.Select(outcome => outcome.ToString().ToLowerInvariant())]));
        foreach (var row in _rows)
            writer.WriteLine(Line(row.Name, [Text(row.Cases), Text(row.CasesAMinute), .. Outcomes.Select(outcome => Text(row.CountOf(outcome)))]));
        writer.WriteLine(
            $"{_rows.Sum(row => row.Cases)} cases, {Total(Outcome.Crash)} crashes, {Total(Outcome.Hang)} hangs, {Total(Outcome.Memory)} over 1 GiB, "
            + $"{Total(Outcome.Wrong)} wrong answers, {Total(Outcome.Undocumented)} undocumented, {Total(Outcome.Unnamed)} unnamed");
    }

    private long Total(Outcome outcome) => _rows.Sum(row => row.CountOf(outcome));

    private static string Line(string name, IEnumerable<string> cells) => $"{name,-24}{string.Concat(cells.Select(cell => cell.PadLeft(13)))}";

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Message(CaseResult result)
    {
        const int Longest = 160;
        string line = (result.Text ?? "").Split('\n')[0];
        return line.Length > Longest ? line[..Longest] + "..." : line;
    }

    /// <summary>The cases of a reader.</summary>
    internal sealed class Row(string name)
    {
        private readonly Dictionary<(Outcome Outcome, string What), (long Count, CaseResult Example)> _kinds = [];

        public string Name { get; } = name;

        public TimeSpan Elapsed { get; set; }

        public long CasesAMinute => (long)(Cases / Math.Max(Elapsed.TotalMinutes, 1e-6));

        public long Cases => _kinds.Values.Sum(kind => kind.Count);

        /// <summary>A case of each kind of exception that is not documented, or does not name the file.</summary>
        public IEnumerable<((Outcome Outcome, string What) Kind, CaseResult Example)> Examples =>
            from kind in _kinds
            where kind.Key.Outcome is Outcome.Unnamed or Outcome.Undocumented
            orderby kind.Value.Count descending
            select (kind.Key, kind.Value.Example);

        /// <returns>How many cases have ended in the same way.</returns>
        public long Count(CaseResult result)
        {
            // What a case took in MiB, or the error of another signal, makes no kind of its own.
            var kind = (result.Outcome, result.Outcome is Outcome.Unnamed or Outcome.Undocumented ? result.What : "");
            var (count, example) = _kinds.GetValueOrDefault(kind, (0, result));
            _kinds[kind] = (count + 1, example);
            return count + 1;
        }

        public long CountOf((Outcome Outcome, string What) kind) => _kinds[kind].Count;

        public long CountOf(Outcome outcome) => _kinds.Where(kind => kind.Key.Outcome == outcome).Sum(kind => kind.Value.Count);
    }
}
