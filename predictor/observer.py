"""What is told of every call: it is counted, and traced when it is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from predictor.call import Call
    from predictor.metrics import Metrics
    from predictor.tracing import Tracer

__all__ = ["Observer"]


@dataclass(frozen=True, slots=True)
class Observer:
    """Used on the event loop.

    Attributes:
        metrics: Where calls are counted.
        tracer: None: they are not traced.
    """

    metrics: Metrics
    tracer: Tracer | None = None

    def began(self, call: Call, context: Any) -> float:
        """Decide whether a call is traced; return the moment on the clock of ``perf_counter``."""
        if self.tracer is not None:
            call.trace = self.tracer.sampled(context.invocation_metadata() or ())
        return perf_counter()

    def ended(self, call: Call, status: str, began: float, answer: Any = None, words: str = "") -> None:
        """Tell that a call ended now; arguments as for ``Tracer.ended``."""
        seconds = perf_counter() - began
        self.metrics.ended(call, status, seconds)
        if call.trace is not None and self.tracer is not None:
            self.tracer.ended(call, status, seconds, answer, words)
