"""Columns of every table of trained arms: one row per run and epoch."""

RUN_MEANINGS = {
    "data": "data the networks learn",
    "model": "network",
    "arm": "side of the comparison",
    "method": "regularisation method",
    "layers": "layers the method acts on",
    "seed": "number of the seed: equal numbers share split, initial weights and data order",
    "epochs": "passes over the training samples in all",
    "train_samples": "samples trained on",
    "epoch": "passes done",
    "learning_rate": "learning rate of the epoch's last step",
    "train_loss": "mean loss over the epoch's steps, with masks and augmentation",
    "train_accuracy": "share of correct samples over the epoch's steps, with masks; NaN in regression",
    "validation_loss": "loss on held-out training samples after the epoch, without masks",
    "validation_accuracy": "share of correct held-out samples; NaN in regression",
    "drop_rate": "share of edges (or units) dropped, mean over the epoch's steps and the method's layers; NaN for none",
    "last": "whether this is the last epoch",
    "selected": "whether this epoch was chosen on validation (highest accuracy, ties by loss; regression: lowest loss)",
    "fitted_loss": "loss on the training samples without masks; last and selected epoch only",
    "fitted_accuracy": "share of correct training samples without masks; last and selected epoch only",
    "test_loss": "loss on the test samples; last and selected epoch only",
    "test_accuracy": "share of correct test samples; last and selected epoch only; NaN in regression",
    "diverged": "whether training stopped because loss or gradient was not finite (one row without values)",
}

VALUES = [name for name in RUN_MEANINGS if name.endswith(("_rate", "_loss", "_accuracy"))]
