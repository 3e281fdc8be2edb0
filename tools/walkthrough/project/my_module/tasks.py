"""The pipeline: two raw files, one in between, one at the end."""

import luisy
import pandas as pd

from my_module.util import by_month, calibrate


@luisy.raw
@luisy.csv_output()
class FileA(luisy.ExternalTask):
    """Seattle, in degrees Fahrenheit."""

    def get_file_name(self):
        return "file_a"


@luisy.raw
@luisy.csv_output()
class FileB(luisy.ExternalTask):
    """San Francisco, in degrees Fahrenheit."""

    def get_file_name(self):
        return "file_b"


@luisy.interim
@luisy.requires(FileA)
@luisy.csv_output()
class MultipliedFile(luisy.Task):
    """Seattle, calibrated."""

    def run(self):
        print("[computing MultipliedFile]", flush=True)
        hours = self.input().read()
        hours["temp"] = calibrate(hours["temp"])
        self.write(hours)


@luisy.final
@luisy.requires(MultipliedFile, FileB, as_dict=True)
@luisy.csv_output()
class FinalFile(luisy.Task):
    """Both cities, month by month."""

    def run(self):
        print("[computing FinalFile]", flush=True)
        inputs = self.input()
        seattle = by_month(inputs["MultipliedFile"].read())
        san_francisco = by_month(inputs["FileB"].read())
        table = pd.DataFrame({"seattle": seattle, "san_francisco": san_francisco})
        self.write(table.reset_index())
