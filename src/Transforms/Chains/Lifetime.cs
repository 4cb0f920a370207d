namespace Microsoft.ML.Sla.Chains;

/// <summary>
/// The lifetime of native resources that several threads use. They are released once their owner is disposed and the last use has ended.
/// </summary>
/// <param name="owner">The object that callers dispose.</param>
/// <param name="release">Releases the resources; called once.</param>
internal sealed class Lifetime(object owner, Action release)
{
    /// <summary>Close sets this bit in the number of uses, which makes it negative. The other bits are still the number of uses.</summary>
    private const int Closed = int.MinValue;

    private int _users;

    /// <summary>Keeps the resources until the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The owner is disposed.</exception>
    public Use Enter()
    {
        ObjectDisposedException.ThrowIf(!TryEnter(out var use), owner);
        return use;
    }

    /// <summary>Keeps the resources until the use is disposed, unless the owner is disposed.</summary>
    /// <param name="use">The use; nothing to dispose where there is none.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryEnter(out Use use)
    {
        int users = Volatile.Read(ref _users);
        while (users >= 0)
        {
            int before = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (before == users)
            {
                use = new Use(this);
                return true;
            }

            users = before;
        }

        use = default;
        return false;
    }

    /// <summary>Refuses new uses, and releases the resources as soon as the last use has ended. A second call does nothing.</summary>
    public void Close()
    {
        if (Interlocked.Or(ref _users, Closed) == 0)
            release();
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) == Closed)
            release();
    }

    /// <summary>A use, from Enter to Dispose.</summary>
    public readonly struct Use(Lifetime lifetime) : IDisposable
    {
        /// <summary>Begins another use. This use makes that possible even if the owner is disposed.</summary>
        public Use Again()
        {
            Interlocked.Increment(ref lifetime._users);
            return new Use(lifetime);
        }

        public void Dispose() => lifetime.Leave();
    }
}
