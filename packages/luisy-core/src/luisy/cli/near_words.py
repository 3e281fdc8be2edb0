"""Guess the word that was meant: an option, a task or a command."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

import click

_SURELY = 0.8


def suggestion(name: str, known: Collection[str], cutoff: float = 0.6) -> str:
    """Return the end of a sentence that names what a word may have been meant to be, if anything.

    Args:
        name: The word.
        known: The words that exist.
        cutoff: How alike they must be, from 0 to 1.
    """
    begun = [other for other in known if len(name) > 3 and other.startswith(name)]
    similar = begun or difflib.get_close_matches(name, known, n=3, cutoff=cutoff)
    return f"; did you mean {' or '.join(similar[:3])}?" if similar else ""


def no_option(flag: str, options: Collection[str]) -> str:
    """Say that there is no such option, of the present command or among these of luigi."""
    known = dict.fromkeys([*_own_options(), *options])
    return f"there is no option {flag}{suggestion(flag, known, _SURELY) or suggestion(flag, known)}"


def misspelt_option(words: Sequence[str], options: Collection[str]) -> str:
    """Return the first option that is surely a misspelt one of luisy or luigi; empty if none is."""
    known = dict.fromkeys([*_own_options(), *options])
    flags = [word.partition("=")[0] for word in words if word.startswith("--")]
    return next(
        (flag for flag in flags if flag not in known and suggestion(flag, known, _SURELY)), ""
    )


def misspelt_command(name: str) -> str:
    """Return the end of a sentence that names the command that a word is surely meant to be."""
    context = click.get_current_context(silent=True)
    group = context.find_root().command if context else None
    if context is None or not isinstance(group, click.Group):
        return ""
    return suggestion(name, group.list_commands(context), _SURELY)


def _own_options() -> list[str]:
    """Return the options of the command of luisy that is being carried out."""
    context = click.get_current_context(silent=True)
    params = context.command.params if context else []
    return [option for param in params for option in (*param.opts, *param.secondary_opts)]
