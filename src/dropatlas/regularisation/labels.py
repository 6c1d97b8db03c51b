"""How the arms and networks of a comparison of regularisation methods are called, in figures and in verdicts."""

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
