"""A FirecREST v1 server for offline work and tests; install ``firecrest-client[emulator]``."""

from luisy_protocol import MissingPackage

try:
    from firecrest.emulator.emulator import Emulator
except ModuleNotFoundError as error:
    if (error.name or "").startswith(("firecrest", "luisy")):
        raise
    raise MissingPackage(
        f'the emulator needs {error.name}: pip install "firecrest-client[emulator]"'
    ) from error
from firecrest.emulator.faults import Fault, Faults
from firecrest.emulator.settings import Settings
from firecrest.emulator.staging import S3Staging

__all__ = ["Emulator", "Fault", "Faults", "S3Staging", "Settings"]
