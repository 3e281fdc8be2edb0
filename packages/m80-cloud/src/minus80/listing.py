"""What `list` returns: a mapping for a program that reads well at the prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Listing(Mapping[str, tuple[str, ...]]):
    """The names of datasets or raw files, by dtype; both sorted.

    Args:
        names: The names by dtype.
        raw: Whether they are raw files.
    """

    def __init__(self, names: Mapping[str, Iterable[str]], *, raw: bool = False) -> None:
        self._names = {dtype: tuple(sorted(names[dtype])) for dtype in sorted(names)}
        self.raw = raw

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], *, raw: bool = False) -> Listing:
        """Return the listing of some pairs of a dtype and a name."""
        names: dict[str, set[str]] = {}
        for dtype, name in pairs:
            names.setdefault(dtype, set()).add(name)
        return cls(names, raw=raw)

    def __getitem__(self, dtype: str) -> tuple[str, ...]:
        return self._names[dtype]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        if not self._names:
            return "Nothing here yet!"
        lines = ["######   Raw Data:   ######"] if self.raw else []
        for dtype, names in self._names.items():
            lines += [f"-----{dtype}------", *names]
        return "\n".join(lines)
