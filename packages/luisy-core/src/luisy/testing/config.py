"""Settings for tests."""

from __future__ import annotations

import os
from typing import Any

from luisy.config import Config
from luisy.testing.spark_fake import SparkMock


def create_testing_config(
    working_dir: str | os.PathLike[str],
    storage_key: str = "",
    container_name: str = "",
    account_name: str = "",
    mock_spark: bool = True,
    **kwargs: Any,
) -> None:
    """Set what a test needs, so that no environment variable counts.

    Args:
        working_dir: The working directory, mostly a temporary one.
        storage_key: The key of an Azure account.
        container_name: The container in it.
        account_name: The name of the account.
        mock_spark: Whether Spark is a fake that keeps tables in memory.
        **kwargs: Any other setting, such as `download` or `remote`.
    """
    Config().reset()
    Config().update(
        {
            "working_dir": working_dir,
            "azure_storage_key": storage_key,
            "azure_container_name": container_name,
            "azure_account_name": account_name,
            "remote": "",
            "requirements_path": "",
            "spark": SparkMock() if mock_spark else None,
            **kwargs,
        }
    )
