"""Cases: a unique name, a server to run on and a list of steps whose outcomes are compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from world import World


CASE_SECONDS = 60.0


@dataclass(frozen=True)
class Step:
    """One action; `run` gives its comparable outcome, or None if there is nothing to compare."""

    label: str
    run: Callable[[World], Any]


@dataclass(frozen=True)
class Setup:
    """The server a case runs on; cases of a family with equal setups share one server."""

    size: int = 1
    flags: tuple[str, ...] = ()
    fresh: bool = False


SHARED = Setup()
FRESH = Setup(fresh=True)
THREE = Setup(size=3)


@dataclass(frozen=True)
class Case:
    """One row of the suite."""

    family: str
    name: str
    steps: tuple[Step, ...]
    setup: Setup = SHARED
    tool: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.family}/{self.name}"


class Family:
    """Collects the cases of one family and refuses a name used twice."""

    def __init__(self, name: str, setup: Setup = SHARED, tool: str | None = None) -> None:
        self.name = name
        self.setup = setup
        self.tool = tool
        self.cases: list[Case] = []

    def case(self, name: str, *steps: Any, setup: Setup | None = None) -> None:
        """Add a case; a step may also be a list of steps."""
        if any(case.name == name for case in self.cases):
            raise ValueError(f"{self.name}/{name} is there twice")
        flat = tuple(_flatten(steps))
        self.cases.append(Case(self.name, name, flat, setup or self.setup, self.tool))


def _flatten(steps: Any):
    for step in steps:
        if isinstance(step, Step):
            yield step
        else:
            yield from _flatten(step)


def run_steps(case: Case, world: World) -> list[dict[str, Any]]:
    """Run a case on one server; an exception ends it and becomes its last outcome."""
    outcomes = []
    deadline = time.monotonic() + CASE_SECONDS
    for number, step in enumerate(case.steps, 1):
        try:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the case takes more than {CASE_SECONDS:.0f} s")
            outcome = step.run(world)
        except Exception as error:  # noqa: BLE001 - any failure is an outcome of this side
            text = world.names.text(f"{type(error).__name__}: {error}")
            outcomes.append({"step": f"{number} {step.label}", "broken": text})
            break
        if outcome is not None:
            outcomes.append({"step": f"{number} {step.label}", "answer": outcome})
    return outcomes
