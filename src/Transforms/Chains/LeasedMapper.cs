using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Chains;

/// <summary>A mapper whose rows keep the native resources alive while they compute a value.</summary>
internal sealed class LeasedMapper(IRowToRowMapper mapper, Lifetime lifetime) : IRowToRowMapper
{
    public DataViewSchema InputSchema => mapper.InputSchema;

    public DataViewSchema OutputSchema => mapper.OutputSchema;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) => mapper.GetDependencies(dependingColumns);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        using var use = lifetime.Enter();
        return new Row(mapper.GetRow(input, activeColumns), lifetime);
    }

    private sealed class Row(DataViewRow row, Lifetime lifetime) : DataViewRow
    {
        public override long Position => row.Position;

        public override long Batch => row.Batch;

        public override DataViewSchema Schema => row.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => row.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            var getter = row.GetGetter<TValue>(column);
            return (ref TValue value) =>
            {
                using var use = lifetime.Enter();
                getter(ref value);
            };
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                row.Dispose();
            base.Dispose(disposing);
        }
    }
}
