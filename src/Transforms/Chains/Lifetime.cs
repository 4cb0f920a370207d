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
        int users = Volatile.Read(ref _users);
        while (true)
        {
            ObjectDisposedException.ThrowIf(users < 0, owner);
            int before = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (before == users)
                return new Use(this);
            users = before;
        }
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
