"""What a method is on each kind of class."""

import inspect

import firecrest as fc
import pytest
from firecrest.steps import Blocking, Concurrent, endpoint
from firecrest.testing import FixedToken
from firecrest.utilities import Utilities

# Closing is close() in the one and close_session() in the other.
METHODS = sorted(
    name
    for name, value in inspect.getmembers(fc.v1.Firecrest)
    if name[0] != "_" and callable(value) and name != "close"
)


@pytest.mark.parametrize("name", METHODS)
def test_method_is_the_same_in_both_clients(name):
    one, other = getattr(fc.v1.Firecrest, name), getattr(fc.v1.AsyncFirecrest, name)
    first, second = inspect.signature(one), inspect.signature(other)
    assert list(first.parameters.values()) == list(second.parameters.values())
    assert one.__doc__ == other.__doc__
    assert one.__doc__
    is_steps = isinstance(inspect.getattr_static(fc.v1.Firecrest, name), endpoint)
    assert inspect.iscoroutinefunction(other) == (is_steps or name.startswith("external_"))
    assert "Steps[" not in str(first)


def test_method_on_its_own_group_is_the_steps():
    client = fc.v1.Firecrest("http://127.0.0.1:9", FixedToken())
    steps = Utilities.whoami(client)
    assert inspect.isgenerator(steps)
    steps.close()


def test_method_can_be_overridden_and_called_by_super():
    class Mine(fc.v1.Firecrest):
        def whoami(self, machine=None):
            return f"I am {super().whoami(machine)}"

    assert Mine("http://127.0.0.1:9", FixedToken("no token")).whoami() == "I am None"


def test_bare_drivers_drive_nothing():
    with pytest.raises(NotImplementedError):
        Blocking()._drive(iter(()))
    assert inspect.iscoroutinefunction(Concurrent._drive)
