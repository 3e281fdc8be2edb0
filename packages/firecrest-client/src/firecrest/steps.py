"""How an endpoint is described once and driven twice.

A method of the API is a generator, its *steps*: it yields a `Request` and is resumed with the
response, or yields a `Pause` and is resumed with the time that a monotonic clock shows afterwards.
It never touches a socket and never sleeps, so the same steps serve a thread and an event loop, and
a test can play the server and the clock. What goes wrong on the wire is thrown into the steps at
the `yield`.

`endpoint` makes a method of such a generator function. What the method is depends on the class
through which it is reached:

* on a class that is `Blocking`, a function that runs the steps and returns their result;
* on a class that is `Concurrent`, a coroutine function that does the same in an event loop;
* on the class that defines it, which is neither, the bare generator function, so that steps can be
  made of other steps with ``yield from``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from luisy_protocol.errors import ConfigurationError

from firecrest.multipart import FormBody

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class Sink(Protocol):
    """Takes the body of a response in pieces."""

    def start_at(self, offset: int) -> None:
        """Get ready for a body whose first byte has this offset in the whole file."""

    def write(self, chunk: bytes) -> None:
        """Take the next piece."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, as data.

    Attributes:
        method: The verb.
        url: The path below the server's URL; for the staging area a whole URL.
        purpose: What the caller wants, for messages: "Cannot <purpose>: ...".
        machine: Goes into the header X-Machine-Name.
        query: The query of the URL.
        form: A form, sent urlencoded.
        body: A form with a file, streamed.
        headers: Further headers.
        sink: Where the body of a successful response goes, if not into memory.
        is_repeatable: Whether sending it twice does no harm.
        is_staging: Whether it goes to the staging area: no token, and no word of the URL in
            messages.
    """

    method: str
    url: str
    purpose: str
    machine: str | None = None
    query: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    body: FormBody | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    sink: Sink | None = None
    is_repeatable: bool = False
    is_staging: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Ask the driver to wait; zero asks for the time alone."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AskToken:
    """Ask the driver for the access token of the moment."""


@dataclass(frozen=True, slots=True)
class Work:
    """Ask the driver to run something that blocks, such as reading a large file."""

    run: Callable[[], object]


Command: TypeAlias = Request | Pause | AskToken | Work

# A generator has one type for all that is sent into it, and here that depends on what was yielded;
# only `firecrest.call` yields directly, everything else is typed by what its steps return.
Steps: TypeAlias = Generator[Command, Any, T]


class Blocking:
    """Runs steps in the calling thread."""

    def _drive(self, steps: Steps[T]) -> T:
        raise NotImplementedError


class Concurrent:
    """Runs steps in the running event loop."""

    async def _drive(self, steps: Steps[T]) -> T:
        raise NotImplementedError


class BlockingPart(Blocking):
    """A part of a `Blocking` client, such as one of its transfers; the client runs its steps."""

    @property
    def client(self) -> object:
        """The client."""
        raise NotImplementedError

    def _drive(self, steps: Steps[T]) -> T:
        if not isinstance(self.client, Blocking):
            raise ConfigurationError(f"{type(self).__name__} needs the synchronous client")
        return self.client._drive(steps)


class ConcurrentPart(Concurrent):
    """A part of a `Concurrent` client, such as one of its transfers; the client runs its steps."""

    @property
    def client(self) -> object:
        """The client."""
        raise NotImplementedError

    async def _drive(self, steps: Steps[T]) -> T:
        if not isinstance(self.client, Concurrent):
            raise ConfigurationError(f"{type(self).__name__} needs the asynchronous client")
        return await self.client._drive(steps)


def _signed(function: Callable[..., Any], steps: Callable[..., Any]) -> Callable[..., Any]:
    """Give `function` the name, the words and the signature of `steps`, less the generator."""
    update_wrapper(function, steps)
    del function.__dict__["__wrapped__"]
    signature = inspect.signature(steps)
    returns = str(signature.return_annotation).removeprefix("Steps[").removesuffix("]")
    function.__signature__ = signature.replace(return_annotation=returns)  # type: ignore[attr-defined]
    return function


class endpoint(Generic[S, P, T]):  # noqa: N801 - reads as the decorator that it is
    """Make a method of steps; see the module."""

    def __init__(self, steps: Callable[Concatenate[S, P], Steps[T]]) -> None:
        self._steps = steps
        self.__doc__ = steps.__doc__

        def call(client: Any, /, *args: Any, **arguments: Any) -> Any:
            return client._drive(steps(client, *args, **arguments))

        async def call_concurrently(client: Any, /, *args: Any, **arguments: Any) -> Any:
            return await client._drive(steps(client, *args, **arguments))

        self._call = _signed(call, steps)
        self._call_concurrently = _signed(call_concurrently, steps)

    def _function(self, owner: type) -> Callable[..., Any]:
        if issubclass(owner, Blocking):
            return self._call
        return self._call_concurrently if issubclass(owner, Concurrent) else self._steps

    @overload
    def __get__(
        self, instance: None, owner: type[Blocking]
    ) -> Callable[Concatenate[Any, P], T]: ...
    @overload
    def __get__(
        self, instance: None, owner: type[Concurrent]
    ) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, instance: None, owner: type) -> Callable[Concatenate[Any, P], Steps[T]]: ...
    @overload
    def __get__(self, instance: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Concurrent, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[P, Steps[T]]: ...

    def __get__(self, instance: object | None, owner: type) -> Any:
        function = self._function(owner)
        return function if instance is None else MethodType(function, instance)


class endpoint_property(Generic[S, T]):  # noqa: N801 - reads as the decorator that it is
    """Make a property of steps: a value if `Blocking`, an awaitable if `Concurrent`."""

    def __init__(self, steps: Callable[[S], Steps[T]]) -> None:
        self._steps = steps
        self.__doc__ = steps.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[[S], Steps[T]]: ...
    @overload
    def __get__(self, instance: Blocking, owner: type) -> T: ...
    @overload
    def __get__(self, instance: Concurrent, owner: type) -> Coroutine[Any, Any, T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Steps[T]: ...

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self._steps
        steps = self._steps(instance)
        if isinstance(instance, Blocking | Concurrent):
            return instance._drive(steps)
        return steps
