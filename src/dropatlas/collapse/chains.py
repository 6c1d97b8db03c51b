"""The chain of layers that an `nn.Module` is, with the masks on it, read from its traced forward pass (`torch.fx`).

Nothing is guessed: what is no chain, or is not known here, is an error that names the layer or operation.
"""

import math
import random
from collections.abc import Sequence
from types import FunctionType

import numpy as np
import torch
from torch import fx, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from dropatlas.layers import (
    DropByWeightLinear,
    DropConnectConv2d,
    DropConnectLinear,
    DropLayer,
    DropoutLinear,
    DynamicDropConnectConv2d,
    DynamicDropConnectLinear,
    StandoutLinear,
)

Rates = tuple[Sequence[float], Sequence[float]]
"""Rates of hidden vertices and of edges, layer by layer."""

_ELEMENTWISE = (  # each vertex for itself
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Softplus, nn.Softsign, nn.Tanh, nn.Tanhshrink, nn.Sigmoid, nn.LogSigmoid, nn.Hardtanh, nn.Hardswish),
    *(nn.Hardsigmoid, nn.Hardshrink, nn.Softshrink, nn.Threshold, nn.modules.batchnorm._BatchNorm),
)
_MIXING = (  # each vertex depends on others of its layer; without any, nothing passes
    *(nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.CrossMapLRN2d, nn.Softmax, nn.Softmax2d),
    *(nn.Softmin, nn.LogSoftmax, nn.modules.instancenorm._InstanceNorm),
)
_POOLING = (
    *(nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd, nn.modules.pooling._LPPoolNd),
    *(nn.modules.pooling._AdaptiveMaxPoolNd, nn.modules.pooling._AdaptiveAvgPoolNd),
)
_UNIT_DROPOUT = (nn.Dropout, nn.AlphaDropout)
_CHANNEL_DROPOUT = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)
_HARMLESS_PARTS = (  # hooks and parametrizations that leave every edge in place
    *(WeightNorm, SpectralNorm),
    *(parametrizations._WeightNorm, parametrizations._SpectralNorm, parametrizations._Orthogonal),
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The same as functions and methods; a trailing underscore (in place) is left out.
_ELEMENTWISE_NAMES = _names(
    "relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish softplus softsign tanh tanhshrink sigmoid "
    "logsigmoid hardtanh hardswish hardsigmoid hardshrink softshrink threshold batch_norm clamp clip abs exp sqrt "
    "square sin cos erf neg contiguous clone to float double half bfloat16 add iadd sub isub mul imul div truediv "
    "itruediv pow"
)
_MIXING_NAMES = _names(
    "layer_norm rms_norm group_norm instance_norm local_response_norm normalize softmax softmin log_softmax"
)
_WITH_PARAMETERS = _MIXING_NAMES | _names("batch_norm prelu")
_POOLING_NAMES = frozenset(
    f"{kind}_pool{size}d" for kind in ("max", "avg", "lp", "adaptive_max", "adaptive_avg") for size in (1, 2, 3)
)
_UNIT_DROPOUT_NAMES = _names("dropout alpha_dropout")
_CHANNEL_DROPOUT_NAMES = _names("dropout1d dropout2d dropout3d feature_dropout feature_alpha_dropout")
_RESHAPING_NAMES = _names("flatten view reshape squeeze unsqueeze permute transpose movedim swapaxes unflatten")
_SIZES = _names("size dim ndimension numel shape ndim device dtype")  # asked of a tensor, not computed


class Chain:
    """The layers of vertices that a module amounts to, taken in one step after the other.

    Attributes:
        widths: Of the layers that are complete: [W_0, ..., W_{L+1}] in the end.
        vertex_rates: (worst, best) rate of the hidden layers that are complete.
        edge_rates: (worst, best) rate of the edge layers.
        notes: What is not counted.
    """

    def __init__(self) -> None:
        self.widths: list[int] = []
        self.vertex_rates: list[tuple[float, float]] = []
        self.edge_rates: list[tuple[float, float]] = []
        self.notes: list[str] = []
        self._has_masks = False
        self._is_partial = False  # a reached channel may lack positions, as kernel entries before it are dropped
        self._begin_layer("the input", 0, 0)

    def _begin_layer(self, place: str, width: int, dimensions: int) -> None:
        """The layer of vertices that follows `place`: channels of feature maps of that many dimensions, or units."""
        self._place, self._width, self._dimensions = place, width, dimensions
        self._is_flat = False
        self._unfollowed: str | None = None  # a change of shape this check does not follow
        self._mixing: str | None = None
        self._channel_rate = self._unit_rate = 0.0
        self._unit_places: list[str] = []

    @property
    def is_before_weights(self) -> bool:
        """Whether the signal still is the input."""
        return not self.edge_rates

    @property
    def worst_rates(self) -> Rates:
        """Largest rates the masks can have."""
        return [rate for rate, _ in self.vertex_rates], [rate for rate, _ in self.edge_rates]

    @property
    def best_rates(self) -> Rates:
        """Smallest rates the masks can have."""
        return [rate for _, rate in self.vertex_rates], [rate for _, rate in self.edge_rates]

    def connect(self, place: str, w_in: int, w_out: int, rates: tuple[float, float]) -> None:
        """A Linear; `rates` are the largest and the smallest drop rate of its edges."""
        positions = 1
        if not self.is_before_weights:
            if self._dimensions and not self._is_flat:
                raise _no_chain(f"{place} acts on one dimension of the feature maps of {self._place}")
            is_fitting = w_in % self._width == 0 if self._is_flat else w_in == self._width
            self._check_fit(place, w_in, is_fitting)
            positions = w_in // self._width
        self._end_layer(place, w_in, rates, positions)
        self._is_partial = False
        self._begin_layer(place, w_out, 0)

    def convolve(
        self,
        place: str,
        w_in: int,
        w_out: int,
        dimensions: int,
        rates: tuple[float, float],
        taps: int,
        is_anchored: bool,
    ) -> None:
        """A convolution of that many taps per pair of channels; `rates` are those of its kernel entries.

        `is_anchored`: one tap joins the first position to the first. Following these taps alone, masks of kernel
        entries are masks of edges between channels, which bounds θ from below. From above, two channels are joined
        if any tap is kept, at every position.
        """
        if not self.is_before_weights:
            if self._is_flat or self._dimensions != dimensions:
                raise _no_chain(f"{place} is no convolution of what {self._place} gives")
            self._check_fit(place, w_in, w_in == self._width)
            self._leave_units_out()
        is_partial = self._is_partial or rates[0] > 0
        if is_partial and not is_anchored:
            raise _not_read(place, "drops kernel entries, or follows a layer that does, and pads between its taps")
        self._end_layer(place, w_in, (rates[0], rates[1] ** taps))
        self._is_partial = is_partial
        self._begin_layer(place, w_out, dimensions)

    def _check_fit(self, place: str, w_in: int, is_fitting: bool) -> None:
        if self._unfollowed:
            raise _not_read(self._unfollowed, f"changes the shape before {place} in a way this check does not follow")
        if not is_fitting:
            raise _no_chain(f"{place} takes {w_in} features, {self._place} gives {self._width}")

    def _end_layer(self, place: str, w_in: int, rates: tuple[float, float], positions: int = 1) -> None:
        """Complete the layer of vertices before the weights at `place`, and add their edges."""
        if self.is_before_weights:
            self.widths.append(w_in)
            self.edge_rates.append(rates)
            return
        worst, best = rates
        width, channel, unit = self._width, self._channel_rate, self._unit_rate
        if self._mixing and sum(map(bool, (self.edge_rates[-1][0], channel or unit, worst))) > 1:
            self.notes.append(
                f"{self._mixing} mixes the vertices of a layer: its paths are not counted, can only raise theta"
            )
        if channel == 0 and not self._is_partial and (unit or worst):  # its single units are the vertices
            width *= positions
            self.vertex_rates.append((unit, unit))
            self.edge_rates.append(rates)
        else:  # the vertices are channels, cut off with all their positions
            if unit and worst and positions > 1:
                raise _not_read(place, "drops edges of channels that have lost single units")
            surely = 1 if self._is_partial else positions
            most, least = (channel + (1 - channel) * unit**count for count in (surely, positions))
            self.vertex_rates.append((most, least))
            self.edge_rates.append((worst**surely, best**positions))
        self.widths.append(width)

    def drop_units(self, place: str, rate: float) -> None:
        """Dropout of every unit, or of every position of every channel, for itself."""
        if self._counts(place, rate):
            self._unit_rate = 1 - (1 - self._unit_rate) * (1 - rate)
            self._unit_places.append(place)

    def drop_channels(self, place: str, rate: float, dimensions: int | None) -> None:
        """Dropout of whole channels."""
        if self._counts(place, rate):
            self._check_maps(place, dimensions)
            self._channel_rate = 1 - (1 - self._channel_rate) * (1 - rate)

    def _counts(self, place: str, rate: float) -> bool:
        if rate == 0:
            return False
        self._has_masks = True
        if self.is_before_weights:
            self.notes.append(f"{place} drops inputs, which the theory keeps: not counted, can only lower theta")
        return not self.is_before_weights

    def _check_maps(self, place: str, dimensions: int | None) -> None:
        if not self._dimensions or self._is_flat or dimensions not in (None, self._dimensions):
            kind = f"{self._dimensions}-dimensional feature maps" if self._dimensions and not self._is_flat else "units"
            raise _not_read(place, f"is not made for the {kind} it gets from {self._place}")

    def _leave_units_out(self) -> None:
        if self._unit_rate > 0:
            places = " and ".join(self._unit_places)
            self.notes.append(f"{places} drops single units of a convolution: not counted, can only lower theta")
            self._unit_rate, self._unit_places = 0.0, []

    def mix(self, place: str) -> None:
        """A normalisation over the vertices of a layer."""
        self._mixing = place

    def pool(self, place: str, dimensions: int | None) -> None:
        """Pooling of feature maps."""
        if not self.is_before_weights:
            self._check_maps(place, dimensions)
            self._leave_units_out()

    def average(self, place: str, dimensions: object) -> None:
        """Mean over all positions of feature maps, which leaves one unit for each channel."""
        if self.is_before_weights:
            return
        self._check_maps(place, None)
        given = dimensions if isinstance(dimensions, (tuple, list)) else [dimensions]
        rank = self._dimensions + 2
        if {each + rank if isinstance(each, int) and each < 0 else each for each in given} != set(range(2, rank)):
            raise _not_read(place, f"takes the mean over other dimensions than the positions ({dimensions})")
        self._leave_units_out()
        self._dimensions = 0

    def reshape(self, place: str, is_flattening: bool) -> None:
        """A change of shape: to one row of all units for each sample, or another one."""
        if self.is_before_weights:
            return
        if not is_flattening:
            self._unfollowed = place
        elif self._dimensions:
            self._is_flat = True

    def finish(self) -> None:
        """Complete the output layer.

        Raises:
            ValueError: there is no hidden layer.
        """
        if len(self.edge_rates) < 2:
            raise ValueError(
                f"module must have at least 2 weight layers (Linear or Conv) in its forward, got {len(self.edge_rates)}"
            )
        self.widths.append(self._width)
        if self._channel_rate or self._unit_rate:
            self.notes.append("dropout after the last weight layer drops outputs: not counted, can only lower theta")
        if not self._has_masks and not any(self.worst_rates[1]):
            self.notes.append("forward drops nothing: theta = 1 is that of a network without masks")


class _Tracer(fx.Tracer):
    """Takes the layers of torch and of this package as single steps and looks into everything else."""

    def is_leaf_module(self, layer: nn.Module, name: str) -> bool:
        if isinstance(layer, nn.Sequential) or "forward" in vars(layer):
            return False
        return type(layer).forward.__module__.startswith(("torch.nn.modules.", "dropatlas.layers."))


def _trace(module: nn.Module) -> fx.Graph:
    """What `forward` does in training mode, step by step; the module has the name "0".

    Raises:
        ValueError: torch.fx cannot follow it, or it decides something by random numbers that are not masks of a layer.
    """
    drawn_before = _random_states()
    # Tracing runs forward, which may store things in the module: whatever it has stored is taken back.
    before = [(part, part.training, dict(vars(part))) for part in module.modules()]
    try:
        for part, _, _ in before:
            part.training = True
        graph = _Tracer().trace(nn.Sequential(module))
    except Exception as error:  # whatever the user's forward raises when it is given no data
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{type(module).__name__} cannot be traced without data, so there are no numbers "
            f"({type(error).__name__}: {reason}); give the widths to check_network"
        ) from error
    finally:
        for part, training, attributes in before:
            part.training = training
            vars(part).clear()
            vars(part).update(attributes)
    if _random_states() != drawn_before:
        raise _not_read(type(module).__name__, "draws random numbers in forward outside of layers")
    return graph


def _random_states() -> tuple[object, ...]:
    """Where the global random generators are: tracing runs no layer, so that only forward itself can move them."""
    numpy_state = np.random.get_state(legacy=False)["state"]
    words, position = numpy_state["key"].tobytes(), numpy_state["pos"]
    return random.getstate(), torch.get_rng_state().numpy().tobytes(), words, position


def read_chain(module: nn.Module) -> Chain:
    """The chain of layers that a module is.

    Raises:
        ValueError: it is none, or has a layer or operation this check does not read.
    """
    graph = _trace(module)
    layers = dict(nn.Sequential(module).named_modules(remove_duplicate=False))
    chain = Chain()
    signal: set[fx.Node] = set()  # steps whose result is the signal on its way from input to output
    sizes: set[fx.Node] = set()  # steps whose result is a size or a number made from sizes
    for node in graph.nodes:
        sources = [source for source in node.all_input_nodes if source in signal]
        others = [source for source in node.all_input_nodes if source not in signal and source not in sizes]
        if node.op == "output":
            if node.args[0] not in signal:
                raise _no_chain("forward returns something else than one tensor made from its input")
            break
        if _asks_size(node) or (_is_operator(node) and not sources and not others):
            sizes.add(node)
            continue
        if not sources and node.op != "placeholder":
            continue
        place = _place(node, layers)
        if len(sources) > 1:
            raise _no_chain(f"{place} joins {' and '.join(_place(source, layers) for source in sources)}")
        signal.add(node)
        users = [_place(user, layers) for user in node.users if not _asks_size(user)]
        if len(users) > 1:
            raise _no_chain(f"the network branches, {place} feeds {' and '.join(users)}")
        if node.op == "call_module":
            _read_layer(chain, layers[node.target], place)
        elif node.op != "placeholder":
            _read_operation(chain, node, place, len(others) > 0)
    chain.finish()
    return chain


def _place(node: fx.Node, layers: dict[str, nn.Module]) -> str:
    """A step as messages name it: "fc1 (Linear)", "dropout() in block.0 (Block)"."""
    if node.op in ("placeholder", "output"):
        return f"the {'input' if node.op == 'placeholder' else 'output'}"
    if node.op == "call_module":
        return _named(str(node.target), layers)
    owners = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    return f"{_function(node)}() in {_named(owners[-1] if owners else '0', layers)}"


def _named(path: str, layers: dict[str, nn.Module]) -> str:
    name, kind = path.removeprefix("0").removeprefix("."), type(layers[path]).__name__
    return f"{name} ({kind})" if name else kind


def _function(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", repr(node.target))


def _is_operator(node: fx.Node) -> bool:
    return node.op == "call_function" and getattr(node.target, "__module__", None) == "_operator"


def _asks_size(node: fx.Node) -> bool:
    """Whether a step asks for a tensor's size or type."""
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] in _SIZES
    return node.op == "call_method" and node.target in _SIZES


def _no_chain(found: str) -> ValueError:
    return ValueError(
        f"{found}: not a chain of layers, so there are no numbers; give the widths of each chain in it to "
        "check_network (residual blocks: dropatlas.percolation.residual_crossing_probability)"
    )


def _not_read(place: str, why: str) -> ValueError:
    return ValueError(f"{place} {why}, so there are no numbers; leave it out or give the widths to check_network")


def _read_layer(chain: Chain, layer: nn.Module, place: str) -> None:
    """Take one layer of torch or of this package into the chain."""
    if isinstance(layer, nn.modules.lazy.LazyModuleMixin):  # an ordinary layer after its first batch
        raise ValueError(f"{place} has no size before its first batch: run the module on one, then check it")
    if parts := _unknown_parts(layer):
        chain.notes.append(
            f"{place} has {', '.join(parts)}, which this check does not read: the numbers hold if it removes nothing"
        )
    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        _read_weights(chain, layer, place)
    elif isinstance(layer, _UNIT_DROPOUT):
        chain.drop_units(place, layer.p)
    elif isinstance(layer, _CHANNEL_DROPOUT):
        chain.drop_channels(place, layer.p, _dimensions(_kinds(layer)))
    elif isinstance(layer, _MIXING):
        chain.mix(place)
    elif isinstance(layer, _POOLING):
        chain.pool(place, _dimensions(_kinds(layer)))
    elif isinstance(layer, nn.Flatten):
        chain.reshape(place, (layer.start_dim, layer.end_dim) == (1, -1))
    elif not isinstance(layer, _ELEMENTWISE):
        has_weights = any(True for _ in layer.parameters())
        if has_weights or not chain.is_before_weights:
            raise _not_read(place, f"{'has weights' if has_weights else 'is a layer'} this check does not read")


def _read_weights(chain: Chain, layer: nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d, place: str) -> None:
    if layer.weight.numel() == 0:
        raise _not_read(place, "has no features")
    rates = _edge_rates(layer, place)
    if isinstance(layer, nn.Linear):
        chain.connect(place, layer.in_features, layer.out_features, rates)
    else:
        if layer.groups != 1:
            raise _not_read(place, f"joins channels in groups only (groups={layer.groups})")
        starts = layer._reversed_padding_repeated_twice[-2::-2]  # padding before the first position
        steps = list(zip(starts, layer.dilation, layer.kernel_size, strict=True))
        if any(start > dilation * (size - 1) for start, dilation, size in steps):
            raise _not_read(place, f"pads by more (padding={layer.padding}) than its kernel spans")
        is_anchored = all(start % dilation == 0 for start, dilation, _ in steps)
        dimensions, taps = len(layer.kernel_size), math.prod(layer.kernel_size)
        chain.convolve(place, layer.in_channels, layer.out_channels, dimensions, rates, taps, is_anchored)
    if isinstance(layer, DropoutLinear):
        chain.drop_units(place, layer.drop_rate)
    elif isinstance(layer, StandoutLinear):
        if layer.alpha != 0:
            raise _not_read(place, f"drops units with a probability that follows their input (alpha={layer.alpha})")
        chain.drop_units(place, 1 / (1 + math.exp(min(layer.beta, 700.0))))


def _edge_rates(layer: nn.Module, place: str) -> tuple[float, float]:
    """Largest and smallest drop rate of a layer's edges."""
    if isinstance(layer, (DropConnectLinear, DropConnectConv2d)):
        return layer.drop_rate, layer.drop_rate
    if isinstance(layer, (DynamicDropConnectLinear, DynamicDropConnectConv2d)):
        return layer.base_rate + layer.gradient_rate, layer.base_rate
    if isinstance(layer, DropByWeightLinear):
        return layer.base_rate + layer.weight_rate, layer.base_rate
    if isinstance(layer, DropLayer) and not isinstance(layer, (DropoutLinear, StandoutLinear)):
        raise _not_read(place, "drops edges in a way this check does not know")
    return 0.0, 0.0


def _unknown_parts(layer: nn.Module) -> list[str]:
    """Names of hooks and parametrizations that may change what a layer computes."""
    parts: list[object] = [*layer._forward_pre_hooks.values(), *layer._forward_hooks.values()]
    if isinstance(changed := getattr(layer, "parametrizations", None), nn.ModuleDict):
        parts += [part for steps in changed.values() for part in steps.children()]
    return [getattr(part, "__name__", type(part).__name__) for part in parts if not isinstance(part, _HARMLESS_PARTS)]


def _kinds(layer: nn.Module) -> str:
    return " ".join(kind.__name__ for kind in type(layer).__mro__)


def _dimensions(name: str) -> int | None:
    """Dimensions of the feature maps that a layer or function is made for, from its name: 2 for `MaxPool2d`."""
    return next((dimensions for dimensions in (1, 2, 3) if f"{dimensions}d" in name), None)


def _read_operation(chain: Chain, node: fx.Node, place: str, takes_tensors: bool) -> None:
    """Take one function or method into the chain; `takes_tensors`: others than the signal."""
    name = _function(node).removesuffix("_")
    if isinstance(node.target, FunctionType) and not node.target.__module__.startswith("torch."):
        name = ""  # of the user's own, whatever it is called
    if name in _UNIT_DROPOUT_NAMES | _CHANNEL_DROPOUT_NAMES:
        rate, acts = _argument(node, 1, ("p",)), _argument(node, 2, ("training", "train"))
        if not isinstance(rate, (int, float)) or not isinstance(acts, bool):
            raise _not_read(place, "has a rate that is no number while tracing")
        if acts and name in _UNIT_DROPOUT_NAMES:
            chain.drop_units(place, rate)
        elif acts:
            chain.drop_channels(place, rate, _dimensions(name))
    elif name in _RESHAPING_NAMES:
        chain.reshape(place, _is_flattening(node, name))
    elif name in _POOLING_NAMES:
        chain.pool(place, _dimensions(name))
    elif name == "mean":
        chain.average(place, _argument(node, 1, ("dim",)))
    elif name in _MIXING_NAMES:
        chain.mix(place)
    elif name in _ELEMENTWISE_NAMES and (not takes_tensors or name in _WITH_PARAMETERS or chain.is_before_weights):
        pass
    elif takes_tensors or not chain.is_before_weights:
        raise _not_read(place, f"{'takes tensors' if takes_tensors else 'is an operation'} this check does not read")


def _argument(node: fx.Node, position: int, names: Sequence[str], default: object = None) -> object:
    """An argument of a function or method, given by position or by one of its names."""
    given = [node.kwargs[name] for name in names if name in node.kwargs]
    return given[0] if given else node.args[position] if position < len(node.args) else default


def _is_flattening(node: fx.Node, name: str) -> bool:
    """Whether a change of shape leaves one row of all units for each sample."""
    if name == "flatten":
        return (_argument(node, 1, ("start_dim",), 0), _argument(node, 2, ("end_dim",), -1)) == (1, -1)
    if name not in ("view", "reshape"):
        return False
    sizes: Sequence[object] = node.args[1:] or tuple(node.kwargs.values())
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    # The first size is -1 or that of the signal before: x.size(0), x.shape[0].
    return len(sizes) == 2 and (sizes[0] == -1 or (isinstance(sizes[0], fx.Node) and sizes[0].args[-1:] == (0,)))
