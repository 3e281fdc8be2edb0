"""Send large files in blocks, several at a time.

A service is fast only while enough is on its way to it, and a block is in memory while it is. So
all files that are sent at a time share the memory for `BLOCKS_AT_ONCE` blocks: one file alone has
all of it. It is used again and again until the store is closed; memory from the allocator would be
kept by it for each thread that ever read a block, and new memory for each takes time.

A block takes the quick path (`luisy_cloud.azure_quick`), with its MD5, which Azure checks. The
blocks of a blob that nobody commits are no part of it, and Azure deletes them after a week. Their
names are as long as those of the SDK, for Azure refuses names of different lengths for one blob,
and random: two who send the same blob do not mix their blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from mmap import mmap
from queue import LifoQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from luisy_cloud.azure_client import BLOCK
from luisy_cloud.azure_quick import QuickPath
from luisy_cloud.streams import CheckedReader, in_order

if TYPE_CHECKING:
    from azure.storage.blob import BlobBlock, ContainerClient

BLOCKS_AT_ONCE = 8


class BlockSender:
    """Sends large files to a container.

    Args:
        container: The SDK's client.
        quick: The quick path, if there is one.
    """

    def __init__(self, container: ContainerClient, quick: QuickPath | None) -> None:
        self._container = container
        self._quick = quick
        self._memory: LifoQueue[mmap | None] = LifoQueue()
        for _ in range(BLOCKS_AT_ONCE):
            self._memory.put(None)  # made when it is needed

    def send(
        self, name: str, reader: CheckedReader, *, size: int, metadata: dict[str, str]
    ) -> Mapping[str, Any]:
        """Replace a blob by a file and return the SDK's answer; the old one stays until the end.

        Args:
            name: The blob's name.
            reader: The file.
            size: Its size.
            metadata: What to note with it.
        """
        from azure.storage.blob import ContentSettings

        blocks = in_order(
            lambda block: self._stage(name, *block),
            self._blocks(reader, size),
            at_a_time=BLOCKS_AT_ONCE,
        )
        return self._container.get_blob_client(name).commit_block_list(
            list(blocks),
            content_settings=ContentSettings(content_md5=reader.md5),
            metadata=metadata,
            validate_content=True,
        )

    def _blocks(self, reader: CheckedReader, size: int) -> Iterator[tuple[mmap, memoryview]]:
        """Yield the blocks of a file, each when there is memory for it."""
        for start in range(0, size, BLOCK):
            memory = self._memory.get()
            try:
                memory = memory or mmap(-1, BLOCK)
                block = reader.readinto(memoryview(memory)[: size - start])
            except BaseException:
                self._memory.put(memory)
                raise
            yield memory, block

    def _stage(self, name: str, memory: mmap, block: memoryview) -> BlobBlock:
        """Send a block and give its memory back."""
        from azure.storage.blob import BlobBlock

        made = BlobBlock(f"{uuid4().int:048d}")
        try:
            if not (self._quick and self._quick.put_block(name, made.id, block)):
                blob = self._container.get_blob_client(name)
                # Not as bytes: they would have the time of one call to be sent, on a slow line too.
                blob.stage_block(made.id, BytesIO(block), len(block), validate_content=True)
        finally:
            self._memory.put(memory)
        return made
