"""Uses of the public interface that mypy must accept; nothing here is run."""

from typing import assert_type

import luisy


@luisy.raw
@luisy.csv_output(sep=";")
class Raw(luisy.ExternalTask):
    year = luisy.IntParameter()


@luisy.interim()
@luisy.json_output
@luisy.requires(Raw, as_dict=True)
@luisy.auto_filename(excl_params=["year"])
@luisy.project_name("other")
class Made(luisy.Task):
    def run(self) -> None:
        self.write({"year": Raw(year=2021).year})


@luisy.parquetdir_output(outdir="parts")
@luisy.inherits(Raw)
class Parts(luisy.SparkTask):
    pass


assert_type(Raw(year=1).key, str)
assert_type(Made(download=True).download, bool)
assert_type(Made().significant_parameters(), dict[str, str])
luisy.set_working_dir("data")
luisy.activate_download()
luisy.build(Made(upload=True))
