// Some tests have all processors busy, and others hear what any thread measures: they take turns.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
