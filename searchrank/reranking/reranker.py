"""What happens to a list after its score: bury, pin, diversify, then fill place after place by quotas and chance."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from searchrank.errors import DefinitionError
from searchrank.features import Rows, Scope, hash_text
from searchrank.project import Ordering
from searchrank.reranking.arranged import DIVERSITY, EXPLORE, Arranged, Relaxed
from searchrank.reranking.columns import Columns
from searchrank.reranking.grammar import parse_rule
from searchrank.reranking.likeness import OVER, Likeness
from searchrank.reranking.places import Filled, Pinned, fill_places, seed_of
from searchrank.reranking.rule import Bury, Pin, Quota, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from searchrank.features import Expression, FeatureSet

__all__ = ["Reranker", "Slate"]

_LARGEST: Final = 1e300  # so that differences of scores are finite
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Values = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Slate:
    """The n candidates of a request.

    Attributes:
        hashes: Shape ``(n,)``, identity of each id.
        records: Shape ``(n,)``, raw record of each one's item.
        rows: What came with them, and the request.
    """

    hashes: Ints
    records: npt.NDArray[np.void]
    rows: Rows


class Reranker:
    """One ordering, checked against a release's definitions; belongs to one thread.

    Attributes:
        name: What it is called: ``default``, or a variant's name.
        rules: In the order in which they were written.
        text: Canonical text, JSON, from which it can be read again.
        digest: 12 hexadecimal digits of the text's SHA-256.
    """

    def __init__(self, name: str, ordering: Ordering, rules: Sequence[Rule], likeness: Likeness | None) -> None:
        """Bind nothing yet; ``parse`` reads one."""
        self.name = name
        self.rules = tuple(rules)
        self.texts = tuple(rule.text for rule in rules)
        self._explore = ordering.explore
        self._likeness = likeness
        self._quotas = [(number, rule) for number, rule in enumerate(rules) if isinstance(rule, Quota)]
        self._pins = [
            (number, rule, hash_text(rule.item)) for number, rule in enumerate(rules) if isinstance(rule, Pin)
        ]
        said = ordering.model_dump(by_alias=True, exclude={"variants"}) | {"rules": self.texts}
        self.text = json.dumps(said, sort_keys=True, ensure_ascii=False)
        self.digest = hashlib.sha256(self.text.encode()).hexdigest()[:12]
        self._columns: Columns | None = None

    @classmethod
    def parse(cls, ordering: Ordering, feature_set: FeatureSet, *, source: str, name: str = "default") -> Self:
        """Read an ordering.

        Args:
            ordering: A section of the project.
            feature_set: What names in its expressions mean.
            source: What an error calls it, such as ``surfaces.shop.rerank``.
            name: What it is called.

        Raises:
            DefinitionError: When a rule is no rule, two of them cannot both hold, or ``over`` is neither category nor
                vector; points at it.
        """
        rules = [
            parse_rule(text, feature_set, source=f"{source}.rules[{number}]")
            for number, text in enumerate(ordering.rules)
        ]
        _check_pins(rules, source)
        spec, explore = ordering.diversity, ordering.explore
        if explore is not None and 0 < explore.pool < explore.depth:
            what = f"{explore.depth} places cannot be drawn among {explore.pool} items; the pool is the larger"
            raise DefinitionError(what, source=f"{source}.explore.pool")
        likeness = Likeness.parse(spec, feature_set, source=f"{source}.diversity.over") if spec is not None else None
        made = cls(name, ordering, rules, likeness)
        made._columns = Columns(feature_set, made._expressions())
        return made

    @classmethod
    def logged(cls, text: str, feature_set: FeatureSet) -> Self:
        """Read what ``version`` said of an ordering, as the serving log keeps it.

        Raises:
            DefinitionError: When it is no such text, or does not fit the definitions.
        """
        version, _, said = text.partition(" ")
        try:
            ordering = Ordering.model_validate_json(said)
        except ValueError as error:
            raise DefinitionError(f"this is no ordering: {error}", source="rerank") from None
        return cls.parse(ordering, feature_set, source="rerank", name=version.partition("#")[0])

    @property
    def version(self) -> str:
        """What the serving log keeps: ``name#digest text``."""
        return f"{self.name}#{self.digest} {self.text}"

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return bool(self.rules) or self._likeness is not None or self.explores

    @property
    def explores(self) -> bool:
        """Whether anything is left to chance."""
        return self._explore is not None

    @property
    def pinned_ids(self) -> tuple[str, ...]:
        """Ids that rules pin."""
        return tuple(pin.item for _, pin, _ in self._pins)

    def _expressions(self) -> dict[str, Expression]:
        found: dict[str, Expression] = {}
        for number, rule in enumerate(self.rules):
            if rule.when is not None:
                found[f"when{number}"] = rule.when
            if isinstance(rule, Quota) and rule.by is not None:
                found[f"by{number}"] = rule.by
        if self._likeness is not None and not self._likeness.vector:
            found[OVER] = self._likeness.over
        return found

    def arrange(self, slate: Slate, scores: Floats, request_id: str) -> Arranged:
        """Return the candidates in their final order; the same arguments always give the same.

        Args:
            slate: The n candidates, in the order in which ties stay.
            scores: Shape ``(n,)``; NaN: not scored.
            request_id: What draws depend on.
        """
        n = len(scores)
        values = self._columns.of(slate.records, slate.rows) if self._columns is not None and n else {}
        unscored = np.isnan(scores)
        base = np.argsort(-scores, kind="stable")
        finite = np.nan_to_num(scores, nan=0.0, posinf=_LARGEST, neginf=-_LARGEST)
        moved = np.full(n, -1)
        relaxed: list[Relaxed] = []
        pinned = self._pin(slate, values, base, moved, relaxed)
        buried = self._bury(values, n, moved)
        waiting = np.ones(n, np.bool_)
        waiting[pinned.candidates] = False
        rest = base[waiting[base]]
        kind = np.where(buried, 2, unscored)[rest]
        scored = rest[kind == 0]
        diverse = self._diversify(scored, finite, slate, values)
        explore = (self._explore, seed_of(self._explore.salt, request_id)) if self._explore is not None else None
        quotas = [quota for _, quota in self._quotas]
        groups = self._groups(values, n)
        filled = fill_places(pinned, (diverse, rest[kind == 1], rest[kind == 2]), groups, quotas, finite, explore)
        changed = np.zeros(n, np.bool_)
        changed[scored[scored != diverse]] = True
        return self._told(base, filled, moved, relaxed, changed)

    def _active(self, number: int, values: Values, n: int) -> npt.NDArray[np.bool_]:
        """Return of which candidates a rule's condition is true."""
        found = values.get(f"when{number}")
        return np.ones(n, np.bool_) if found is None else found > 0

    def _pin(self, slate: Slate, values: Values, base: Ints, moved: Ints, relaxed: list[Relaxed]) -> Pinned:
        n = len(base)
        pinned = Pinned(np.full(n, -1))
        for number, pin, identity in self._pins if n else ():
            active = self._active(number, values, n)
            there = base[slate.hashes[base] == identity]
            if not len(there):
                if pin.when is None or (pin.when.node.scope is Scope.REQUEST and active[0]):
                    relaxed.append(Relaxed(self.texts[number], "the item is not among the candidates", 0))
                continue
            if not active[there[0]]:
                continue
            problem = pinned.put(int(there[0]), pin)
            if problem:
                relaxed.append(Relaxed(self.texts[number], problem, 0))
            if moved[there[0]] < 0:
                moved[there[0]] = number
        return pinned

    def _bury(self, values: Values, n: int, moved: Ints) -> npt.NDArray[np.bool_]:
        buried = np.zeros(n, np.bool_)
        for number, rule in enumerate(self.rules):
            if isinstance(rule, Bury):
                active = self._active(number, values, n) if n else buried
                moved[active & (moved < 0)] = number
                buried |= active
        return buried

    def _diversify(self, scored: Ints, scores: Floats, slate: Slate, values: Values) -> Ints:
        likeness = self._likeness
        if likeness is None or len(scored) < 2:
            return scored
        if not likeness.vector:
            return likeness.arrange(scored, scores, values[OVER])
        records = slate.records if likeness.vector in (slate.records.dtype.names or ()) else slate.rows.candidates
        return likeness.arrange(scored, scores, records[likeness.vector])

    def _groups(self, values: Values, n: int) -> Ints:
        groups = np.zeros((len(self._quotas), n), np.int64)
        for row, (number, quota) in enumerate(self._quotas if n else ()):
            own = 1 if quota.by is None else values[f"by{number}"]
            groups[row] = np.where(self._active(number, values, n), own, 0)
        return groups

    def _told(self, base: Ints, filled: Filled, moved: Ints, relaxed: list[Relaxed], diverse: Any) -> Arranged:
        n = len(base)
        before, after = np.empty(n, np.int64), np.empty(n, np.int64)
        before[base] = np.arange(n)
        after[filled.order] = np.arange(n)
        for row, (number, _) in enumerate(self._quotas):
            moved[(filled.held == row) & (moved < 0)] = number
            times, first = filled.relaxed[row].tolist()
            if times:
                words = f"too few other items from place {first + 1} on"
                relaxed.append(Relaxed(self.texts[number], words, first))
        counts = np.bincount(moved[moved >= 0], minlength=len(self.rules)).tolist()
        applied = [(text, count) for text, count in zip(self.texts, counts, strict=True) if count]
        others = {DIVERSITY: int(np.count_nonzero(diverse)), EXPLORE: filled.drawn}
        applied += [(name, count) for name, count in others.items() if count]
        return Arranged(
            order=filled.order,
            before=before,
            after=after,
            propensities=filled.propensities if self.explores else None,
            relaxed=tuple(relaxed),
            applied=tuple(applied),
            rules=self.texts,
            moved_by=moved,
            diverse=diverse,
            drawn=filled.drawn,
        )


def _check_pins(rules: Sequence[Rule], source: str) -> None:
    """Refuse pins that can never both hold.

    Raises:
        DefinitionError: When two without a condition name one place or one item.
    """
    places: Mapping[int, int] = {}
    items: Mapping[str, int] = {}
    for number, rule in enumerate(rules):
        if not isinstance(rule, Pin) or rule.when is not None:
            continue
        other = places.get(rule.place, items.get(rule.item))
        if other is not None:
            what = f"{rule.text}: rules[{other}] pins the same {'place' if rule.place in places else 'item'}"
            raise DefinitionError(what, source=f"{source}.rules[{number}]", hint="give one of them a condition")
        places, items = {**places, rule.place: number}, {**items, rule.item: number}
