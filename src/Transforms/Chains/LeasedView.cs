using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Chains;

/// <summary>A view whose cursors keep the native resources of their values alive.</summary>
internal sealed class LeasedView(IDataView view, Lifetime lifetime) : IDataView
{
    public bool CanShuffle => view.CanShuffle;

    public DataViewSchema Schema => view.Schema;

    public long? GetRowCount() => view.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        using var use = lifetime.Enter();
        return new Cursor(view.GetRowCursor(columnsNeeded, rand), use.Again());
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        using var use = lifetime.Enter();
        return [.. view.GetRowCursorSet(columnsNeeded, n, rand).Select(cursor => new Cursor(cursor, use.Again()))];
    }

    private sealed class Cursor(DataViewRowCursor cursor, Lifetime.Use use) : DataViewRowCursor
    {
        private bool _isDisposed;

        public override long Position => cursor.Position;

        public override long Batch => cursor.Batch;

        public override DataViewSchema Schema => cursor.Schema;

        public override bool MoveNext() => cursor.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => cursor.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => cursor.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => cursor.GetGetter<TValue>(column);

        protected override void Dispose(bool disposing)
        {
            if (disposing && !_isDisposed)
            {
                _isDisposed = true;
                DisposeCursor();
            }

            base.Dispose(disposing);
        }

        /// <summary>
        /// A cursor with several threads throws the error of one thread while others may still run. This method therefore disposes the cursor until
        /// it throws no more, and only then releases the resources.
        /// </summary>
        private void DisposeCursor()
        {
            ExceptionDispatchInfo? first = null;
            for (int attempt = 0; attempt <= Environment.ProcessorCount; attempt++)
            {
                try
                {
                    cursor.Dispose();
                    break;
                }
                catch (Exception exception)
                {
                    first ??= ExceptionDispatchInfo.Capture(exception);
                }
            }

            use.Dispose();
            first?.Throw();
        }
    }
}
