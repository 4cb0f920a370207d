namespace Microsoft.ML.Sla.Chains;

/// <summary>
/// Native resources that several threads use: released when their owner is disposed, and not before the last one that uses them is done.
/// </summary>
/// <param name="owner">What is disposed.</param>
/// <param name="release">Releases the resources; called once.</param>
internal sealed class Lifetime(object owner, Action release)
{
    /// <summary>Makes the number of users negative; what is added to it is how many there still are.</summary>
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

    /// <summary>Lets nobody in any more, and releases the resources as soon as nobody uses them. A second call does nothing.</summary>
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
        /// <summary>One use more, which this one makes sure of, whether the owner is disposed or not.</summary>
        public Use Again()
        {
            Interlocked.Increment(ref lifetime._users);
            return new Use(lifetime);
        }

        public void Dispose() => lifetime.Leave();
    }
}
