namespace Microsoft.ML.Sla;

public sealed partial class SlaFewShotTrainer
{
    /// <summary>Options of <see cref="SlaFewShotTrainer"/>.</summary>
    public sealed class Options : ImageTrainerOptions
    {
        /// <summary>Name of the column of embeddings that the model adds.</summary>
        /// <value>Default <c>Embedding</c>.</value>
        public string EmbeddingColumnName { get; set; } = "Embedding";

        /// <summary>The composition of an episode.</summary>
        /// <value>Default <see cref="FewShotObjective.Sla"/>.</value>
        public FewShotObjective Objective { get; set; } = FewShotObjective.Sla;

        /// <summary>The measure of similarity between an embedding and a prototype.</summary>
        /// <value>Default <see cref="PrototypeSimilarity.SquaredEuclidean"/>.</value>
        public PrototypeSimilarity Similarity { get; set; } = PrototypeSimilarity.SquaredEuclidean;

        /// <summary>Initial value of the learned factor on similarities before the softmax, the inverse of a temperature.</summary>
        /// <value>Default null: 1 for the squared Euclidean distance, 10 for the cosine, which lies between -1 and 1.</value>
        public double? InitialScale { get; set; }

        /// <summary>
        /// N, the number of classes in an episode, above 1; with <see cref="FewShotObjective.ViewsAsClasses"/>, of pairs of class and view.
        /// More classes than in later use make training harder, and the embedding often better.
        /// </summary>
        /// <value>Default 5.</value>
        public int Ways { get; set; } = 5;

        /// <summary>S, the number of images that a prototype is made of.</summary>
        /// <value>Default 5.</value>
        public int Shots { get; set; } = 5;

        /// <summary>Q, the number of further images of a class to classify.</summary>
        /// <value>Default 10.</value>
        public int Queries { get; set; } = 10;

        /// <summary>Number of episodes, one for each step. An epoch, over which losses are averaged and reported, has 100 episodes.</summary>
        /// <value>Default 5,000.</value>
        public int Episodes { get; set; } = 5_000;

        /// <summary>
        /// Whether the training changes the backbone. <see cref="BackboneTraining.Frozen"/> needs a pretrained backbone:
        /// <see cref="Architecture.FromOnnx"/>, <see cref="Architecture.PretrainedResNet18"/> or <see cref="ImageTrainerOptions.PretrainedPath"/>. ONNX
        /// Runtime embeds all views of each image once, and the trainer finds a linear map of the embeddings: Fisher's discriminant of the pairs of class
        /// and view. The map has two settings. The trainer takes those with the lowest loss of the objective on episodes of classes that the map was not
        /// made of, over three folds of the classes, or middle values where there are fewer than four classes. <see cref="Episodes"/> are those of all
        /// settings and folds together. The training ignores the learning rate, the base augmentation and the options of gradients and checkpoints,
        /// except that <see cref="ImageTrainerOptions.CheckpointFolder"/> keeps the embeddings. <see cref="BackboneTraining.HeadsFirst"/> is refused: there are
        /// no heads.
        /// </summary>
        /// <value>Default <see cref="BackboneTraining.Full"/>.</value>
        public BackboneTraining BackboneTraining { get; set; } = BackboneTraining.Full;

        /// <summary>The views that the objective learns.</summary>
        internal TransformationSet LearnedTransformations => Objective == FewShotObjective.Baseline ? TransformationSet.None : Transformations;

        internal override string MemoryOptions => IsBackboneFrozen
            ? FrozenMemoryOptions
            : $"Ways, Shots or Queries, which are {Ways}, {Shots} and {Queries}";

        private protected override bool IsBackboneFrozen => BackboneTraining == BackboneTraining.Frozen;

        internal Options Clone() => (Options)MemberwiseClone();

        internal override void Validate()
        {
            base.Validate();
            Require(BackboneTraining is BackboneTraining.Full or BackboneTraining.Frozen, nameof(BackboneTraining), BackboneTraining, "Full or Frozen");
            Require(
                !IsBackboneFrozen || Architecture.InitialWeights is not null || PretrainedPath is not null,
                nameof(BackboneTraining),
                BackboneTraining,
                "Full, or the backbone a pretrained one: set Architecture to Architecture.PretrainedResNet18() or Architecture.FromOnnx(path), or PretrainedPath to weights");
            ArgumentException.ThrowIfNullOrWhiteSpace(EmbeddingColumnName);
            Require(Enum.IsDefined(Objective), nameof(Objective), Objective, "a member of FewShotObjective");
            Require(Enum.IsDefined(Similarity), nameof(Similarity), Similarity, "a member of PrototypeSimilarity");
            Require(InitialScale is not { } scale || IsPositive(scale), nameof(InitialScale), InitialScale, "above 0, and no more than a float holds, or null");
            Require(Ways > 1, nameof(Ways), Ways, "above 1");
            Require(Shots > 0, nameof(Shots), Shots, "above 0");
            Require(Queries > 0, nameof(Queries), Queries, "above 0");
            Require(
                (double)Ways * ((double)Shots + Queries) * LearnedTransformations.Count <= int.MaxValue,
                nameof(Ways),
                Ways,
                $"smaller, or Shots or Queries, which are {Shots} and {Queries}: an episode would have more than {int.MaxValue} views");
            Require(Episodes > 0, nameof(Episodes), Episodes, "above 0");
            Require(
                !Augmentations.Any(augmentation => augmentation.Mixes),
                nameof(Augmentations),
                string.Join(", ", Augmentations),
                "without CutMix and Mixup: an image of an episode has one class");
        }
    }
}
