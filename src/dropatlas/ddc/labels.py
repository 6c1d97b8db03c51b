"""How the arms and networks of a comparison are called, in figures, captions and verdicts."""

ARM_LABELS = {
    "none": "no regularisation",
    "dropout": "dropout",
    "dropconnect": "DropConnect",
    "dropconnect_dense": "DropConnect, dense gradient",
    "standout": "standout",
    "ddc": "DDC",
    "drop_big_gradient": "drop big gradient",
    "drop_small_weight": "drop small weight",
    "drop_big_weight": "drop big weight",
}
MODEL_LABELS = {
    "simple_cnn1": "SimpleCNN1",
    "simple_cnn1_mnist": "SimpleCNN1 for MNIST",
    "simple_cnn2": "SimpleCNN2",
    "alexnet": "AlexNet",
    "vgg13": "VGG13",
    "resnet20": "ResNet-20",
    "resnet8": "ResNet-8",
    "vision_transformer": "vision Transformer",
    "tabular_mlp": "multilayer perceptron",
}
REGRESSION_LABELS = {
    "none": "no dropping",
    "ddc": ARM_LABELS["ddc"],
    "dropconnect": "DropConnect, same mean rate",
    "drop_big_gradient": ARM_LABELS["drop_big_gradient"],
    "ddc_masked": "DDC, masked gradient",
    "dropconnect_masked": "DropConnect, masked gradient",
}
"""Methods in the regression with two parameters."""
ABLATION_LABELS = {
    "none": ARM_LABELS["none"],
    "ddc": "DDC as published",
    "no_zscore": "no z-score (= DropConnect at $p$)",
    "no_zscore_no_threshold": "no z-score, no threshold",
    "no_threshold": "no threshold ($\\tau$ = 0)",
    "calibration_expected": "calibrated by the mean of $p$",
    "calibration_none": "no calibration",
    "masked_gradient": "masked gradient",
    "drop_big_gradient": ARM_LABELS["drop_big_gradient"],
    "uniform": "equal rates of 0.5",
    "learned": "learned map",
    "fc1": "fc1 (published)",
    "fc2": "fc2",
    "fc1_fc2": "fc1 and fc2",
    "conv3": "conv3",
    "all_layers": "all layers",
    "fc1_per_sample": "fc1, a mask per sample",
    "realised": "$1/(1-r)$, realised $r$ (published)",
    "expected": "$1/(1-r)$, expected $r$",
    "dropout": ARM_LABELS["dropout"],
    "dropconnect": ARM_LABELS["dropconnect"],
}
"""Arms of the tables in which the formula is taken apart, in the order shown."""
FEEDBACK_LABELS = {
    "dense": "dense gradient",
    "masked": "masked gradient",
    "dense_judge": "trained masked, judged dense",
}
"""Variants of table `ddc/feedback`."""
