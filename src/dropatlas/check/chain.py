"""The chain of layers that an `nn.Module` is, with the masks on it, read from its traced forward pass (`torch.fx`).

Nothing is guessed: what is no plain chain raises `NoChainError`, whose text is the reason for which the check samples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from dropatlas.check.crossing import Chain
from dropatlas.check.state import random_states
from dropatlas.layers import DropConnectLinear, DropLayer, DropoutLinear

_ELEMENTWISE = (  # each vertex for itself
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Softplus, nn.Softsign, nn.Tanh, nn.Sigmoid, nn.LogSigmoid, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid),
    nn.modules.batchnorm._BatchNorm,
)
_MIXING = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.Softmax, nn.LogSoftmax)  # each vertex needs others of its layer
_POOLING = (
    *(nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd),
    *(nn.modules.pooling._AdaptiveMaxPoolNd, nn.modules.pooling._AdaptiveAvgPoolNd),
)
_UNIT_DROPOUT = (nn.Dropout, nn.AlphaDropout)
_CHANNEL_DROPOUT = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)

# The same as functions and methods; a trailing underscore (in place) is left out.
_ELEMENTWISE_NAMES = frozenset(
    (
        *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "tanh"),
        *("sigmoid", "logsigmoid", "hardtanh", "hardswish", "hardsigmoid", "contiguous"),
    )
)
_MIXING_NAMES = frozenset(("softmax", "log_softmax"))
_POOLING_NAMES = frozenset(
    f"{kind}_pool{size}d" for kind in ("max", "avg", "adaptive_max", "adaptive_avg") for size in (1, 2, 3)
)
_UNIT_DROPOUT_NAMES = frozenset(("dropout", "alpha_dropout"))
_CHANNEL_DROPOUT_NAMES = frozenset(("dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"))


class NoChainError(Exception):
    """The module is no chain of layers that is read here; the text says where it is not."""


class _Layers:
    """The layers of vertices that a module amounts to, taken in one step after the other."""

    def __init__(self, inputs: Tensor) -> None:
        self.widths: list[int] = []
        self.vertex_rates: list[float] = []
        self.edge_rates: list[float] = []
        if inputs.dim() < 2:
            raise NoChainError(f"the input has {inputs.dim()} dimension, not samples and features")
        self._begin(inputs.shape[1], inputs.dim() - 2)

    def _begin(self, width: int, dimensions: int) -> None:
        """A layer of units (0 dimensions), or of channels of feature maps."""
        self._width, self._dimensions = width, dimensions
        self._is_flat = self._is_mixed = False
        self._unit_rate = self._channel_rate = 0.0

    def connect(self, place: str, w_in: int, w_out: int, edge_rate: float) -> None:
        """A Linear."""
        if self._dimensions and not self._is_flat:
            raise NoChainError(f"{place} acts on one dimension of feature maps or sequences")
        self._end(place, w_in, edge_rate)
        self._begin(w_out, 0)

    def convolve(self, place: str, w_in: int, w_out: int, dimensions: int) -> None:
        """A convolution."""
        if self._is_flat or self._dimensions != dimensions:
            raise NoChainError(f"{place} does not get {dimensions}-dimensional feature maps of several samples")
        self._end(place, w_in, 0.0)
        self._begin(w_out, dimensions)

    def _end(self, place: str, w_in: int, edge_rate: float) -> None:
        """Complete the layer of vertices before the weights at `place`."""
        has_maps = self._dimensions > 0
        if has_maps and self._unit_rate and not self._is_flat:
            raise NoChainError(f"single units of the feature maps before {place} are dropped")
        if self._channel_rate and (self._unit_rate or edge_rate):
            raise NoChainError(f"channels and single units or edges before {place} are dropped")
        if self._is_mixed and (edge_rate or any(self.edge_rates[-1:])):
            raise NoChainError(f"a normalisation before {place} mixes vertices between dropped edges")
        # Channels of flattened maps; single units of them where these are dropped, or where they are the inputs.
        self.widths.append(self._width if self._channel_rate and self._is_flat else w_in)
        self.vertex_rates.append(self._channel_rate or self._unit_rate)
        self.edge_rates.append(edge_rate)

    def drop_units(self, place: str, rate: float) -> None:
        """Dropout of every unit, or of every position of every channel, for itself."""
        if rate and self._is_mixed:
            raise NoChainError(f"{place} drops vertices that a normalisation has mixed")
        self._unit_rate = 1 - (1 - self._unit_rate) * (1 - rate)

    def drop_channels(self, place: str, rate: float) -> None:
        """Dropout of whole channels."""
        if not self._dimensions or self._is_flat or (rate and self._is_mixed):
            raise NoChainError(f"{place} does not get plain feature maps")
        self._channel_rate = 1 - (1 - self._channel_rate) * (1 - rate)

    def mix(self) -> None:
        """A normalisation over the vertices of a layer; what it mixes is alive if one of them is."""
        self._is_mixed = bool(self._unit_rate or self._channel_rate or any(self.edge_rates[-1:]))

    def pool(self, place: str) -> None:
        """Pooling of feature maps."""
        if not self._dimensions or self._is_flat or self._unit_rate:
            raise NoChainError(f"{place} pools something else than whole feature maps")

    def flatten(self) -> None:
        """One row of all units for each sample."""
        self._is_flat = self._dimensions > 0

    def chain(self) -> Chain:
        """What was read, with the output layer."""
        if not self.edge_rates:
            raise NoChainError("forward has no weight layer (Linear or convolution)")
        if self._is_flat and self._unit_rate:
            raise NoChainError("single units of flattened maps are dropped after the last weight layer")
        self._end("the output", self._width, 0.0)
        return Chain(tuple(self.widths), tuple(self.vertex_rates), tuple(self.edge_rates[:-1]))


class _Tracer(fx.Tracer):
    """Takes the layers of torch and of this package as single steps and looks into everything else."""

    def is_leaf_module(self, layer: nn.Module, name: str) -> bool:
        if isinstance(layer, nn.Sequential) or "forward" in vars(layer):
            return False
        return type(layer).forward.__module__.startswith(("torch.nn.modules.", "dropatlas.layers."))


def read_chain(module: nn.Module, inputs: object) -> Chain:
    """The chain of layers that a module is for these inputs, with the masks it has in its present mode.

    Read are Linear and convolutions; dropout of units and of channels; `DropConnectLinear` and `DropoutLinear`;
    activations, normalisation, pooling and flattening. `module` must have run on these inputs before: shapes that do
    not fit are no concern here. Tracing runs its Python code once without data.

    Args:
        module: The network; its forward may store things in it (see `check.state.left_as_it_was`).
        inputs: A tensor (samples, features) or (samples, channels, ...).

    Raises:
        NoChainError: it is none, or has a layer or operation that is not read.
    """
    while isinstance(inputs, (tuple, list)) and len(inputs) == 1:
        inputs = inputs[0]
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point():
        raise NoChainError("the input is not one floating-point tensor")
    graph, layers = _trace(module), dict(nn.Sequential(module).named_modules(remove_duplicate=False))
    chain, signal = _Layers(inputs), None
    for node in graph.nodes:
        if node.op == "placeholder" and signal is not None:
            if node.users:
                raise NoChainError("forward takes more than one tensor")
            continue
        if node.op == "output":
            if node.args[0] is not signal:
                raise NoChainError("forward returns something else than one tensor made from its input")
            return chain.chain()
        if _asks_size(node):
            continue
        place = _place(node, layers)
        if signal is not None and [each for each in node.all_input_nodes if not _asks_size(each)] != [signal]:
            raise NoChainError(f"{place} does not follow {_place(signal, layers)} alone: the network branches or joins")
        signal = node
        if node.op == "call_module":
            _read_layer(chain, layers[str(node.target)], place)
        elif node.op != "placeholder":
            _read_operation(chain, node, place)
    raise NoChainError("forward returns nothing")


def _trace(module: nn.Module) -> fx.Graph:
    """What `forward` does, step by step; the module has the name "0"."""
    before = random_states()
    try:
        graph = _Tracer().trace(nn.Sequential(module))
    except Exception as error:  # whatever the user's forward raises when it is given no data
        reason = str(error).strip().partition("\n")[0]
        raise NoChainError(
            f"{type(module).__name__} cannot be traced without data ({type(error).__name__}: {reason})"
        ) from error
    if random_states() != before:
        raise NoChainError(f"{type(module).__name__} draws random numbers in forward outside of layers")
    return graph


def _place(node: fx.Node, layers: dict[str, nn.Module]) -> str:
    """A step as messages name it: "fc1 (Linear)", "dropout()"."""
    if node.op == "placeholder":
        return "the input"
    if node.op == "call_module":
        path = str(node.target)
        name, kind = path.removeprefix("0").removeprefix("."), type(layers[path]).__name__
        return f"{name} ({kind})" if name else kind
    return f"{_function(node)}()"


def _function(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", repr(node.target))


def _asks_size(node: fx.Node) -> bool:
    """Whether a step asks for a tensor's size, or takes one number from it."""
    if node.op == "call_method":
        return node.target in ("size", "dim")
    if node.op != "call_function" or getattr(node.target, "__name__", "") not in ("getattr", "getitem"):
        return False
    return bool(node.args[1] == "shape") or (isinstance(node.args[0], fx.Node) and _asks_size(node.args[0]))


def _read_layer(chain: _Layers, layer: nn.Module, place: str) -> None:
    """Take one layer of torch or of this package into the chain."""
    if layer._forward_pre_hooks or layer._forward_hooks or hasattr(layer, "parametrizations"):
        raise NoChainError(f"{place} has hooks or parametrizations, which may remove something")
    is_known_drop_layer = isinstance(layer, (DropConnectLinear, DropoutLinear))
    if isinstance(layer, DropLayer) and not is_known_drop_layer:
        raise NoChainError(f"{place} drops in a way that has no exact chain here")
    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        _read_weights(chain, layer, place)
    elif isinstance(layer, _UNIT_DROPOUT):
        chain.drop_units(place, layer.p if layer.training else 0.0)
    elif isinstance(layer, _CHANNEL_DROPOUT):
        chain.drop_channels(place, layer.p if layer.training else 0.0)
    elif isinstance(layer, _MIXING):
        chain.mix()
    elif isinstance(layer, _POOLING):
        chain.pool(place)
    elif isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) == (1, -1):
        chain.flatten()
    elif not isinstance(layer, _ELEMENTWISE):
        raise NoChainError(f"{place} is a layer the exact reader does not know")


def _read_weights(chain: _Layers, layer: nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d, place: str) -> None:
    if float((layer.weight == 0).double().mean()) > 1e-3:  # random numbers are 0 now and then
        raise NoChainError(f"{place} has weights that are exactly 0, paths that are not there")
    if isinstance(layer, nn.Linear):
        edge_rate = float(layer.drop_rate) if isinstance(layer, DropConnectLinear) and layer.training else 0.0
        chain.connect(place, layer.in_features, layer.out_features, edge_rate)
        if isinstance(layer, DropoutLinear) and layer.training:
            chain.drop_units(place, layer.drop_rate)
        return
    if layer.groups != 1:
        raise NoChainError(f"{place} joins channels in groups only (groups={layer.groups})")
    pads = layer._reversed_padding_repeated_twice[-2::-2]  # padding before the first position
    if any(pad > step * (size - 1) for pad, step, size in zip(pads, layer.dilation, layer.kernel_size, strict=True)):
        raise NoChainError(f"{place} pads by more (padding={layer.padding}) than its kernel spans")
    chain.convolve(place, layer.in_channels, layer.out_channels, len(layer.kernel_size))


def _read_operation(chain: _Layers, node: fx.Node, place: str) -> None:
    """Take one function or method of torch into the chain."""
    name = _function(node).removesuffix("_")
    if node.op == "get_attr" or not (isinstance(node.target, str) or _is_of_torch(node.target)):
        raise NoChainError(f"{place} is an operation the exact reader does not know")
    if name in _UNIT_DROPOUT_NAMES | _CHANNEL_DROPOUT_NAMES:
        rate, acts = _argument(node, 1, "p", 0.5), _argument(node, 2, "training", "alpha" not in name)
        if not isinstance(rate, (int, float)) or not isinstance(acts, bool):
            raise NoChainError(f"{place} has a rate that is no number while tracing")
        drop = chain.drop_units if name in _UNIT_DROPOUT_NAMES else chain.drop_channels
        drop(place, rate if acts else 0.0)
    elif name in _MIXING_NAMES:
        chain.mix()
    elif name in _POOLING_NAMES:
        chain.pool(place)
    elif _is_flattening(node, name):
        chain.flatten()
    elif name not in _ELEMENTWISE_NAMES:
        raise NoChainError(f"{place} is an operation the exact reader does not know")


def _is_of_torch(function: object) -> bool:
    owner = getattr(function, "__module__", None)
    return str(owner).startswith("torch") or getattr(torch, getattr(function, "__name__", ""), None) is function


def _argument(node: fx.Node, position: int, name: str, default: object) -> object:
    """An argument of a function or method, given by position or by name."""
    return node.kwargs.get(name, node.args[position] if position < len(node.args) else default)


def _is_flattening(node: fx.Node, name: str) -> bool:
    """Whether a step leaves one row of all units for each sample."""
    if name == "flatten":
        return (_argument(node, 1, "start_dim", 0), _argument(node, 2, "end_dim", -1)) == (1, -1)
    if name not in ("view", "reshape"):
        return False
    sizes: Sequence[object] = node.args[1:]
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    # The first size is that of the signal before: x.size(0), x.shape[0].
    return len(sizes) == 2 and isinstance(sizes[0], fx.Node) and sizes[0].args[-1:] == (0,)
