// The programs of the guides read and write files in the current folder, which is one for the whole process: they take turns.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
