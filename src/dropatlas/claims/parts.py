"""Statements taken apart, and the one rule by which all of them are judged.

A statement is a conjunction of named parts. A part rests on checks: numbers, each of which must lie in the band in
which the statement puts it. Every number is tested twice, one-sided at 2.5 % in accord with the 95 % interval that is
shown: whether it is shown to lie inside its band, and whether it is shown to lie outside.

- A check fails if its number is shown to lie outside, and then fails its part. One is enough, so these tests are
  corrected over all checks of the statement (Holm).
- A part holds if all its checks are shown to lie inside, which needs no correction within the part; over the parts it
  is corrected (Holm).
- All else is open.

The statement is reproduced if all parts hold, not reproduced if one fails and none holds, partly if one fails and
another holds, and inconclusive otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dropatlas.claims.verdicts import Finding, Judgement, State, Verdict
from dropatlas.stats import Interval, holm

LEVEL = 0.025
"""Of the one-sided tests; the ends of a 95 % interval."""

Band = tuple[float, float]
"""Lowest and highest number with which a check holds; infinite where there is no limit."""

UNKNOWN = Interval(np.nan, -np.inf, np.inf)


@dataclass(frozen=True)
class Check:
    """One number against the band in which the statement puts it.

    Attributes:
        where: Which networks, cells or arms the number is of; empty if the part says it.
        value: Estimate with its 95 % interval; both ends are the estimate if it is computed without sampling.
        band: What must be shown.
        n: Independent units behind the number.
        p_holds: p-value of the hypothesis that the number lies outside the band (small: it is shown to lie inside).
        p_fails: p-value of the hypothesis that it lies inside, or close enough to matter (small: it is shown outside).
            Where both are small, between what must be shown and what would matter, the check fails.
        measure: What the number is, with its unit, where that is not the measure of its part.
    """

    where: str
    value: Interval
    band: Band
    n: int
    p_holds: float
    p_fails: float
    measure: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a number at all."""
        return bool(self.n) and bool(np.isfinite(self.value.estimate))

    @property
    def reach(self) -> float:
        """How far the interval reaches beyond the band; negative where it lies inside, -inf where it is unbounded."""
        if not np.isfinite([self.value.low, self.value.high]).all():
            return -np.inf
        return max(self.band[0] - self.value.low, self.value.high - self.band[1])


@dataclass(frozen=True)
class Part:
    """One part of a statement: all of its checks must hold.

    Attributes:
        name: The part in a few plain words, such as "weights stay".
        measure: What its numbers are, with their unit.
        checks: The numbers; without any the part is open.
        form: Format of a number for a reader, such as ".3g" or ".1%".
        notes: What else a reader should know, by state; put behind the part's sentence.
        why_open: Why there is no number, where there is none.
    """

    name: str
    measure: str
    checks: Sequence[Check]
    form: str = ".3g"
    notes: Mapping[State, str] = field(default_factory=dict)
    why_open: str = "there are too few numbers"


def wanted(band: Band, form: str = ".3g") -> str:
    """A band in words, such as "at least 0.5"."""
    low, high = band
    if low == high:
        return f"exactly {low:{form}}"
    if band in ((0.0, np.inf), (-np.inf, 0.0)):
        return "more than 0" if low == 0 else "less than 0"
    if np.isinf(low) or np.isinf(high):
        return f"at most {high:{form}}" if np.isinf(low) else f"at least {low:{form}}"
    return f"{low:{form}} to {high:{form}}"


def shown(value: Interval, form: str = ".3g") -> str:
    """A number with its interval; alone if nothing was sampled."""
    return f"{value.estimate:{form}}" if value.low == value.high else f"{value:{form}}"


def decide(parts: Sequence[Part], context: str = "") -> Judgement:
    """The judgement on a statement all of whose parts must hold; the rule stands at the head of this module.

    Args:
        parts: The parts, each name once.
        context: What a reader should know besides the parts, at the end of the reason.

    Returns:
        Its number is that of the part that decides: the clearest failure; without one the first part that is open;
        without that the part that holds least clearly.

    Raises:
        ValueError: no part, or two of one name.
    """
    names = [part.name for part in parts]
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"a statement has parts of different names, got {names}")
    checks = [(part, check) for part in parts for check in part.checks]
    wrong = holm(np.array([_p(check.p_fails, check) for _, check in checks]))
    weakest = [max((_p(check.p_holds, check) for check in part.checks), default=1.0) for part in parts]
    kept = holm(np.array(weakest))
    failures: dict[str, float] = {}
    for (part, _), p_value in zip(checks, wrong, strict=True):
        failures[part.name] = min(failures.get(part.name, 1.0), float(p_value))
    states = {
        part.name: State.FAILS
        if failures.get(part.name, 1.0) <= LEVEL
        else State.HOLDS
        if held <= LEVEL
        else State.OPEN
        for part, held in zip(parts, kept, strict=True)
    }
    findings = {part.name: _finding(part, states[part.name]) for part in parts}
    failed = [part for part in parts if states[part.name] == State.FAILS]
    unsure = [part for part in parts if states[part.name] == State.OPEN]
    if failed:
        deciding, p_value = min(failed, key=lambda part: failures[part.name]), min(failures.values())
    elif unsure:
        deciding, p_value = unsure[0], np.nan
    else:
        deciding = max(zip(parts, weakest, strict=True), key=lambda pair: pair[1])[0]
        p_value = max(weakest)
    verdict = _verdict(list(states.values()))
    found = findings[deciding.name]
    return Judgement(
        verdict,
        f"{found.measure} ({found.where})" if found.where else found.measure,
        found.estimate,
        found.low,
        found.high,
        found.n,
        _reason(list(findings.values()), context),
        tuple(findings.values()),
        context,
        float(p_value),
    )


def _p(p_value: float, check: Check) -> float:
    """A p-value that decides nothing where the number is none."""
    return p_value if check.known and np.isfinite(p_value) else 1.0


def _verdict(states: Sequence[State]) -> Verdict:
    if State.FAILS in states:
        return Verdict.PARTLY if State.HOLDS in states else Verdict.NOT_REPRODUCED
    return Verdict.INCONCLUSIVE if State.OPEN in states else Verdict.REPRODUCED


def deciding_check(checks: Sequence[Check]) -> Check:
    """The check that decides a part: the clearest failure, else the one that is farthest from being shown to hold.

    Of those that are not shown to hold one with a number comes first, of equals the one that reaches farthest.
    """
    worst = min(checks, key=lambda check: (_p(check.p_fails, check), -check.reach))
    if _p(worst.p_fails, worst) <= LEVEL:
        return worst
    doubtful = [check for check in checks if _p(check.p_holds, check) > LEVEL]
    return max(doubtful or checks, key=lambda check: (check.known, _p(check.p_holds, check), check.reach))


def _finding(part: Part, state: State) -> Finding:
    check = deciding_check(part.checks) if part.checks else Check("", UNKNOWN, (-np.inf, np.inf), 0, 1.0, 1.0)
    measure = check.measure or part.measure
    if check.known:
        number = f"{measure} is {shown(check.value, part.form)}, {wanted(check.band, part.form)} required"
    else:
        number = part.why_open
    many = f"{'decides among' if check.known else 'one of'} {len(part.checks)}" if len(part.checks) > 1 else ""
    told = ", ".join(filter(None, [check.where, many]))
    alone = min(_p(check.p_holds, check), _p(check.p_fails, check)) <= LEVEL
    unclear = "not clear enough when all tests are counted" if state == State.OPEN and alone else ""
    notes = "".join(f", {note}" for note in (unclear, part.notes.get(state)) if note)
    value = check.value if check.known else Interval(np.nan, np.nan, np.nan)
    return Finding(
        part.name,
        state,
        measure,
        check.where,
        value.estimate,
        value.low,
        value.high,
        check.band,
        check.n,
        f"{part.name}: {number}{f' ({told})' if told else ''}{notes}",
    )


def _reason(findings: Sequence[Finding], context: str) -> str:
    """Which parts fail, are open and hold: "fails: …; open: …; holds: …"."""
    told = [
        f"{state}: {' | '.join(group)}"
        for state in (State.FAILS, State.OPEN, State.HOLDS)
        if (group := [finding.sentence for finding in findings if finding.state == state])
    ]
    return "; ".join([*told, context] if context else told)


def one_part_open(name: str, measure: str, why: str) -> Judgement:
    """Inconclusive, since the evidence carries no number for one of a statement's parts."""
    return decide([Part(name, measure, (), why_open=why)])
