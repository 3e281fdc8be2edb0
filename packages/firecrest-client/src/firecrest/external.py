"""Transfers of large files through the staging area, an object store beside the server.

An upload: the server makes a form (task 110, 111), the client posts the file to the store with it,
the server notices that (112; it looks about once a minute) and writes the file on the machine (113,
114). A download: the server stages the file (116, 117) and the client fetches it by a link, as
often as it likes. See `firecrest.tasks` for the states.

1. A transfer is its task: an object made from a task id goes on from whatever state the task is in.
   After a form was used, there is nothing left to send; asking for the form then is an error at
   once.
2. What the server sends is data. The form is posted by this client; the command line that comes
   with it is never run, and which local file to send is never taken from the server.
3. 115 is not the end on the server, which tries again every minute (a directory may become
   writable). `wait` raises at once; called again, it looks again.
4. A cut download goes on where it stopped, in the same call or, unless `keep_part` is false, a
   later one: the part is kept beside the target, named after the task. It is renamed when it is
   whole, and equals the checksum of the file on the machine where that can be had (large files take
   longer than the server allows).
5. Links and forms are as good as passwords: they are in no message and no log.
"""

from __future__ import annotations

from firecrest.external_download import DownloadSteps
from firecrest.external_steps import ExternalSteps
from firecrest.external_upload import UploadSteps
from firecrest.steps import BlockingPart, ConcurrentPart


class ExternalStorage(ExternalSteps, BlockingPart):
    """One transfer, for the synchronous client."""


class ExternalUpload(UploadSteps, ExternalStorage):
    """One upload, for the synchronous client."""


class ExternalDownload(DownloadSteps, ExternalStorage):
    """One download, for the synchronous client."""


class AsyncExternalStorage(ExternalSteps, ConcurrentPart):
    """One transfer, for the asynchronous client: its properties are awaited."""


class AsyncExternalUpload(UploadSteps, AsyncExternalStorage):
    """One upload, for the asynchronous client."""


class AsyncExternalDownload(DownloadSteps, AsyncExternalStorage):
    """One download, for the asynchronous client."""
