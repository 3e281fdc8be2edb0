"""What changes a name from outside of it: registers, plug-ins, settings of other modules.

Rules
-----
- Looked at are the modules that are executed when the modules of the reached parts are imported
  (see `luisy.hashing.executed`), and what the statements at their top level change (see
  `luisy.hashing.changes`).
- ``Base.__subclasses__()`` reaches all subclasses; where only the run knows which class is asked
  (``cls.__subclasses__()``), those of all classes that are reached.

Limits
------
What a function does that is neither reached nor called at the top level of a module is not known,
nor what a lambda or a function three levels deep registers as a decorator, nor ``setattr(module,
name, value)`` on a module that was an argument. The order in which functions are registered, and in
which modules are imported, does not count, though the last to set a value wins: say it in the code
(``sorted``, a list).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from luisy.hashing.changes import Changes
from luisy.hashing.executed import Executed
from luisy.hashing.graph import Graph
from luisy.hashing.resolve import Part
from luisy.hashing.source import Module


@dataclass(slots=True)
class Effects:
    """Finds which parts change which others."""

    graph: Graph
    _executed: Executed = field(init=False)
    _changes: Changes = field(init=False)
    _of_module: dict[Module, dict[Part, set[Part]]] = field(default_factory=dict)
    _merged: dict[frozenset[Module], dict[Part, list[Part]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._executed = Executed(self.graph.resolver)
        self._changes = Changes(self.graph)

    def on(self, modules: Iterable[str]) -> dict[Part, list[Part]]:
        """Return which parts change a part, when some modules are imported."""
        executed = self._executed.by(modules)
        known = self._merged.get(executed)
        if known is None:
            merged: dict[Part, set[Part]] = {}
            for module in executed:
                for target, causes in self._causes(module).items():
                    merged.setdefault(target, set()).update(causes)
            known = {target: sorted(causes) for target, causes in merged.items()}
            self._merged[executed] = known
        return known

    def _causes(self, module: Module) -> dict[Part, set[Part]]:
        known = self._of_module.get(module)
        if known is None:
            known = self._of_module[module] = {}
            for touch in self.graph.resolver.names(module).touches:
                cause = Part(module.name, touch.owner)
                for target in self._changes.by_touch(module, touch):
                    if target != cause:
                        known.setdefault(target, set()).add(cause)
        return known
