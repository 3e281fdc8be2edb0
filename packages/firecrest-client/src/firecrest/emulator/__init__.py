"""A FirecREST v1 server for offline work and tests; install ``firecrest-client[emulator]``."""

from firecrest.emulator.emulator import Emulator
from firecrest.emulator.faults import Fault, Faults
from firecrest.emulator.settings import Settings
from firecrest.emulator.staging import S3Staging

__all__ = ["Emulator", "Fault", "Faults", "S3Staging", "Settings"]
