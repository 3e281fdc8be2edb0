"""What lets one table of tests run with both clients."""

import asyncio
import inspect
from collections.abc import Callable

import firecrest as fc
import pytest


@pytest.fixture(params=["sync", "async"])
def run(request):
    """Runs a function of a client, with each of the two: run(url, auth, function, **attributes)."""

    def with_blocking(url, auth, function: Callable, **attributes):
        client = fc.v1.Firecrest(url, auth)
        for name, value in attributes.items():
            setattr(client, name, value)
        return function(client)

    def with_concurrent(url, auth, function: Callable, **attributes):
        async def main():
            async with fc.v1.AsyncFirecrest(url, auth) as client:
                for name, value in attributes.items():
                    setattr(client, name, value)
                result = function(client)
                return await result if inspect.isawaitable(result) else result

        return asyncio.run(main())

    return with_blocking if request.param == "sync" else with_concurrent
