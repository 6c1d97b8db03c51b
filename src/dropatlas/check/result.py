"""What a check found, its warnings, and its text for a terminal."""

import math
import textwrap
from dataclasses import dataclass

from dropatlas.check.crossing import TARGET, Chain
from dropatlas.stats import Interval

LEAST_AGREEMENT = math.exp(-6)
"""Agreement of the signal under two masks below which training is in danger. Schoenholz et al. (arXiv 1611.01232)
find that networks train up to about six times the depth over which it falls by a factor e: a rule of thumb, not a
theorem."""

LEAST_SIGNAL = math.exp(-3)
"""The same for the size of the signal: its square is an agreement."""


class PercolationWarning(UserWarning):
    """Masks are likely to cut paths or to drown the signal, or the numbers rest on an assumption."""


@dataclass(frozen=True)
class MaskCheck:
    """What masks do to a network.

    A sample is *cut* where its mask leaves no path from input to output. Its output then does not depend on its input:
    nothing is learned from the sample but by the weights behind the cut (the biases above all), which still follow its
    label.

    Attributes:
        method: How θ was found: "exact: chain of layers" or "sampled: zero input gradients, ...".
        masks: What draws a mask of its own: every "sample" (as `nn.Dropout`), every "step", or "both" (layers of either
            kind).
        theta: Crossing probability θ of one mask: the share of samples that are not cut.
        cut_probability: 1 - θ; accurate also where θ rounds to 1 if exact.
        cut_interval: 95 % interval of the sampled `cut_probability`; None if it is exact.
        agreement: Agreement of the signal under two masks (`dropatlas.check.sampling`); for widths alone the product of
            1 - p over all masked layers, which is that of linear units. None if unknown.
        signal_factor: Size of the signal with masks over that without, measured; for widths alone the square root of
            `agreement`, which is that without rescaling. None if unknown.
        is_measured: Whether `agreement` and `signal_factor` were measured.
        agreement_interval: 95 % interval of the measured agreement.
        zero_gradients: Share of samples whose input gradient is exactly zero in training mode, by masks or by units
            that are off; with its 95 % interval. None if not measured.
        dead_samples: Samples of the inputs whose input gradient is zero without masks too.
        samples: Samples in the inputs; None without inputs.
        chain: The layers and their rates; None if the module is no plain chain.
        safe_width: Smallest common width of the chain's hidden layers with θ >= 0.99; None if there is none.
        batch_size: Samples of a step; None if not given.
        steps: Planned steps; None if not given.
        rate_sum: Planned sum of learning rates Σα; None if not given.
        notes: What the numbers rest on or leave out, one sentence each.
    """

    method: str
    masks: str
    theta: float
    cut_probability: float
    cut_interval: Interval | None = None
    agreement: float | None = None
    signal_factor: float | None = None
    is_measured: bool = False
    agreement_interval: Interval | None = None
    zero_gradients: Interval | None = None
    dead_samples: int = 0
    samples: int | None = None
    chain: Chain | None = None
    safe_width: int | None = None
    batch_size: int | None = None
    steps: int | None = None
    rate_sum: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def useless_samples(self) -> float | None:
        """Expected number of cut samples in all steps; None without a plan."""
        if self.steps is None or self.batch_size is None:
            return None
        return self.steps * self.batch_size * self.cut_probability

    @property
    def step_cut_probability(self) -> float | None:
        """Probability that a step is useless: every sample of it is cut.

        (1 - θ)^B with masks for every sample, 1 - θ with one mask; where there are both the latter, which is an upper
        bound. None without a batch size.
        """
        if self.masks != "sample":
            return self.cut_probability
        return None if self.batch_size is None else self.cut_probability**self.batch_size

    @property
    def useless_steps(self) -> float | None:
        """Expected number of useless steps; an upper bound where masks are both. None without a plan."""
        share = self.step_cut_probability
        return None if self.steps is None or share is None else self.steps * share

    @property
    def depth_factor(self) -> float | None:
        """How many times as deep the network may be until the agreement is down to e^-6; None if nothing is lost."""
        if self.agreement is None or not 0 < self.agreement < 1:
            return None
        return -6 / math.log(self.agreement)

    @property
    def allowed_depth(self) -> str | None:
        """Depth at which the agreement is down to e^-6, in words; None if nothing is lost."""
        if self.depth_factor is None:
            return None
        if self.chain is None:
            return f"{self.depth_factor:.2g} times this depth"
        masked = sum(map(bool, (*self.chain.vertex_rates, *self.chain.edge_rates)))
        return f"{math.floor(masked * self.depth_factor)} masked layers"

    @property
    def warnings(self) -> list[str]:
        """What is wrong, in plain words; empty if nothing is."""
        return [*self._path_warnings(), *self._signal_warnings()]

    def _path_warnings(self) -> list[str]:
        found = []
        if self.theta < TARGET:
            lost = f"{self.cut_probability:.3g}"
            if self.masks == "sample":
                effect = f"a share {lost} of all samples teaches nothing about its inputs"
                if self.batch_size is not None and self.batch_size > 1:
                    effect += f" (of {self.batch_size} a step about {self.theta * self.batch_size:.3g} count)"
            else:
                effect = f"a share {lost} of all steps teaches nothing about the inputs"
            found.append(f"a mask leaves a path with probability {self.theta:.3g} only: {effect}; {self._remedy()}")
            if self.rate_sum is not None:
                found.append(
                    "weights that need a path move as if the sum of learning rates were "
                    f"{self.theta * self.rate_sum:.3g}, not {self.rate_sum:.3g}: to leave their initialisation as far "
                    f"they need {self._more_steps}"
                )
        zero = self.zero_gradients
        if self.samples and self.dead_samples == self.samples:
            found.append(
                "the input gradient is exactly zero for all inputs without masks too: units are off (ReLU at 0) or "
                "saturated (tanh of large numbers)"
            )
        if zero is not None and zero.low > self.cut_probability + 1 - TARGET:
            found.append(
                f"the input gradient is exactly zero for a share {zero.estimate:.3g} of all samples, masks alone cut "
                f"{self.cut_probability:.3g}: on many paths that masks leave, units are off (ReLU at 0) or saturated "
                "(tanh of large numbers): scale the inputs, widen the narrowest layers or use an activation without a "
                "flat side"
            )
        return found

    @property
    def _verdict(self) -> str:
        """What is said if there are no warnings."""
        cut, agreement = self.cut_interval, self.agreement_interval
        if cut is not None and cut.high > 1 - TARGET:
            return f"no problem was found; that more than {1 - TARGET:.2g} are cut is not excluded: draw more samples"
        if self.is_measured and agreement is None:
            return "paths are no problem; whether mask noise hides the signal cannot be told (see the note)"
        if agreement is not None and agreement.low <= LEAST_AGREEMENT:
            return (
                "paths are no problem; whether mask noise hides the signal cannot be told: that the agreement is below "
                f"{LEAST_AGREEMENT:.2g} is not excluded; give more inputs"
            )
        return "masks are no problem for this network"

    def _remedy(self) -> str:
        if self.chain is None:
            return "lower the drop rate or widen the narrowest dropped layer"
        if self.safe_width is None:
            return self.chain.why_no_safe_width()
        return f"hidden layers of width {self.safe_width} would leave one with probability {TARGET:g}"

    def _signal_warnings(self) -> list[str]:
        found = []
        upper = self.agreement if self.agreement_interval is None else self.agreement_interval.high
        if upper is not None and self.agreement is not None and upper < LEAST_AGREEMENT:
            limit = f"; the limit is {LEAST_AGREEMENT:.2g}"
            if self.allowed_depth is not None:
                limit += f", reached at {self.allowed_depth}"
            found.append(
                f"two masks agree on a share {self.agreement:.2g} only of what the output says about the input: mask "
                f"noise hides the signal although paths are left{limit}. Lower the drop rate or drop in fewer layers "
                "(inputs that are alike, such as pure noise, understate the agreement: check real ones)"
            )
        if self.is_measured and self.signal_factor is not None and self.signal_factor < LEAST_SIGNAL:
            found.append(
                f"with masks the output varies over inputs {self.signal_factor:.2g} times as much as without, below "
                f"the limit {LEAST_SIGNAL:.2g}: scale by 1/(1 - p) as nn.Dropout does, normalise, or drop less"
            )
        return found

    def __str__(self) -> str:
        """The check as text for a terminal."""
        bound = "at most " if self.masks == "both" else ""
        lines = [*self._network_lines(), f"method       {self.method}"]
        lines.append(f"theta        {self.theta:.6g}  (a mask leaves a path from input to output)")
        interval = self.cut_interval
        between = "" if interval is None else f"  [{interval.low:.3g}, {interval.high:.3g}]"
        lines.append(f"1 - theta    {self.cut_probability:.6g}{between}  (samples that are cut)")
        if self.zero_gradients is not None:
            dead = f"; {self.dead_samples} of {self.samples} inputs have none without masks"
            apart = dead if self.dead_samples else ""
            lines.append(
                f"no gradient  {self.zero_gradients:.3g}  (samples whose input gradient is exactly zero{apart})"
            )
        if self.step_cut_probability is not None:
            size = "" if self.batch_size is None or self.masks == "step" else f" of batch size {self.batch_size}"
            lines.append(f"steps        {bound}{self.step_cut_probability:.4g}  (steps{size} that are cut whole)")
        elif self.masks == "sample":
            lines.append("steps        (1 - theta)^B for B samples a step are cut whole: give the batch size")
        if self.useless_samples is not None and self.steps is not None and self.batch_size is not None:
            samples = self.steps * self.batch_size
            lines.append(f"useless      {self.useless_samples:.4g} of {samples} samples are expected to be cut")
        if self.useless_steps is not None:
            lines.append(
                f"useless      {bound}{self.useless_steps:.4g} of {self.steps} steps are expected to be cut whole"
            )
        lines += [*self._signal_lines(), *self._plan_lines()]
        if self.cut_probability > 0:
            lines.append(
                "when cut     nothing is learned about the inputs; biases behind the cut still follow the labels"
            )
        lines += [f"note         {text}" for text in self.notes]
        lines += [f"warning      {text}" for text in self.warnings] or [f"verdict      {self._verdict}"]
        indent = " " * len("warning      ")
        return "\n".join(textwrap.fill(line, 120, subsequent_indent=indent, break_long_words=False) for line in lines)

    def _network_lines(self) -> list[str]:
        both = "some per sample, some per step"
        drawn = {"sample": "one per sample", "step": "one per step", "both": both}[self.masks]
        if self.chain is None:
            return [f"masks        {drawn}"]
        depth = len(self.chain.widths) - 2
        removed = [
            f"{what}, p = {', '.join(f'{rate:g}' for rate in sorted({*rates} - {0.0}))}"
            for what, rates in (
                ("units (dropout)", self.chain.vertex_rates),
                ("edges (dropconnect)", self.chain.edge_rates),
            )
            if any(rates)
        ]
        widths = "-".join(map(str, self.chain.widths))
        return [
            f"network      {widths}, {depth} hidden layer{'s' if depth != 1 else ''}",
            f"masks        {drawn}; remove {' and '.join(removed) or 'nothing'}",
        ]

    def _signal_lines(self) -> list[str]:
        if self.agreement is None or self.signal_factor is None:
            return []
        depth = "" if self.allowed_depth is None else f"; limit {LEAST_AGREEMENT:.2g} at {self.allowed_depth}"
        if not self.is_measured:
            return [
                f"signal       {self.signal_factor:.4g} times as large without rescaling (nn.Dropout keeps the mean)",
                f"agreement    {self.agreement:.4g} of the signal is common to two masks, rescaled or not{depth}",
            ]
        interval = self.agreement_interval
        between = "" if interval is None else f" [{interval.low:.3g}, {interval.high:.3g}]"
        return [
            f"signal       {self.signal_factor:.3g} times the output's variation over inputs without masks, measured",
            f"agreement    {self.agreement:.3g}{between} of the signal is common to two masks, measured{depth}",
        ]

    def _plan_lines(self) -> list[str]:
        lines = []
        if self.chain is not None:
            smallest = f"{self.safe_width}  (smallest for all hidden layers alike: theta >= {TARGET:g})"
            none = f"none ({self.chain.why_no_safe_width()})"
            lines.append(f"safe width   {none if self.safe_width is None else smallest}")
        if self.chain is not None or self.theta < 1 or self.rate_sum is not None:
            plan = f"; planned {self.rate_sum:.4g}" if self.rate_sum is not None else ""
            lines.append(f"budget       theta times the sum of learning rates, or {self._more_steps}{plan}")
        return lines

    @property
    def _more_steps(self) -> str:
        return f"1/theta = {1 / self.theta:.4g} times the steps" if self.theta > 0 else "more steps than there are"
