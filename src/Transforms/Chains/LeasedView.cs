using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Chains;

/// <summary>A view whose cursors keep the native resources that their values come from.</summary>
internal sealed class LeasedView(IDataView view, Lifetime lifetime) : IDataView
{
    public bool CanShuffle => view.CanShuffle;

    public DataViewSchema Schema => view.Schema;

    public long? GetRowCount() => view.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(() => view.GetRowCursor(columnsNeeded, rand), lifetime.Enter());

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        using var use = lifetime.Enter();
        return [.. view.GetRowCursorSet(columnsNeeded, n, rand).Select(cursor => new Cursor(() => cursor, lifetime.Enter()))];
    }

    private sealed class Cursor : DataViewRowCursor
    {
        private readonly DataViewRowCursor _cursor;
        private readonly Lifetime.Use _use;
        private bool _isDisposed;

        public Cursor(Func<DataViewRowCursor> open, Lifetime.Use use)
        {
            _use = use;
            try
            {
                _cursor = open();
            }
            catch
            {
                use.Dispose();
                throw;
            }
        }

        public override long Position => _cursor.Position;

        public override long Batch => _cursor.Batch;

        public override DataViewSchema Schema => _cursor.Schema;

        public override bool MoveNext() => _cursor.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => _cursor.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => _cursor.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => _cursor.GetGetter<TValue>(column);

        protected override void Dispose(bool disposing)
        {
            if (disposing && !_isDisposed)
            {
                _isDisposed = true;
                _cursor.Dispose();
                _use.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
