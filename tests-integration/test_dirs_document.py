"""The document about many files: its pipeline with its slips mended, and what replaces it.

Both run on the colour images that scikit-image ships; the files they make hold the same arrays.
"""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage
from skimage import io

# What the document prints, with the imports it leaves out, `shutil.move` for `shutil`, `self` where
# it lacks it, and the lists set before they are used.
AS_PRINTED = """
import os
import pickle
import shutil
import tempfile

import luisy
from luisy.decorators import make_directory_output
from skimage import io


def read_image(filepath):
    if filepath.endswith('.png'):
        return filepath, io.imread(filepath)


image_directory_output = make_directory_output(read_image)


@image_directory_output
@luisy.raw
class ExportDirectory(luisy.ExternalTask):
    def get_folder_name(self):
        return ''


def write_file(file, filepath):
    with open(filepath, 'wb') as opened:
        pickle.dump(file, opened)


def read_file(filepath):
    with open(filepath, 'rb') as opened:
        return pickle.load(opened)


def get_image_id(filepath):
    return os.path.basename(filepath).split('.')[0]


def move_file(source, destination):
    shutil.move(source, destination)
    return destination


@luisy.interim
@luisy.requires(ExportDirectory)
class ToNumpy(luisy.Task):
    def run(self):
        processed_files = []
        with tempfile.TemporaryDirectory() as tmp_dir:
            for filepath, image in self.input().read():
                filename = get_image_id(filepath) + '.pkl'
                write_file(image, os.path.join(tmp_dir, filename))
                processed_files.append(filename)
            saved_files = [move_file(
                source=os.path.join(tmp_dir, file),
                destination=os.path.join(self.get_outdir(), file)
                ) for file in processed_files]
        self.write(saved_files)


@luisy.final
@luisy.requires(ToNumpy)
class RedChannel(luisy.Task):
    def read_files(self):
        for filepath in self.input().read():
            yield get_image_id(filepath), read_file(filepath)

    def run(self):
        processed_files = []
        with tempfile.TemporaryDirectory() as tmp_dir:
            for image_id, data in self.read_files():
                filename = image_id + '.pkl'
                write_file(data[:, :, 0], os.path.join(tmp_dir, filename))
                processed_files.append(filename)
            saved_files = [move_file(
                source=os.path.join(tmp_dir, file),
                destination=os.path.join(self.get_outdir(), file)
                ) for file in processed_files]
        self.write(saved_files)
"""

IN_SHORT = """
import luisy
import numpy as np
from luisy.decorators import make_directory_output
from skimage import io


def read_image(filepath):
    if filepath.endswith('.png'):
        return filepath, io.imread(filepath)


def save_npy(array, path):
    np.save(path, array)


def load_npy(path):
    return np.load(path)


@luisy.raw
@make_directory_output(read_image)
class ExportDirectory(luisy.ExternalTask):
    def get_folder_name(self):
        return ''


@luisy.interim
@luisy.requires(ExportDirectory)
@luisy.directory_output(write=save_npy, read=load_npy, suffix='.npy')
class ToNumpy(luisy.Task):
    def process(self, path, image):
        print(f'[computing {path[-7:]}]')
        return image


@luisy.final
@luisy.requires(ToNumpy)
@luisy.directory_output(write=save_npy, read=load_npy, suffix='.npy')
class RedChannel(luisy.Task):
    def process(self, path, image):
        return image[:, :, 0]
"""


@pytest.fixture
def images(team):
    """The raw folder with every colour image, and one more file that is none."""
    raw = team.root / "anna/my_module/raw"
    raw.mkdir(parents=True)
    shipped = sorted(Path(skimage.__file__).parent.glob("data/*.png"))
    colour = [path for path in shipped if io.imread(path).ndim == 3]
    assert len(colour) >= 5
    for path in colour:
        shutil.copy(path, raw)
    (raw / "README.txt").write_text("no image")
    return {path.stem: io.imread(path) for path in colour}


def test_the_document_runs_with_its_slips_mended(team, images):
    team.write_module("images", AS_PRINTED)
    done = team.run("luisy --module my_module.images RedChannel --working-dir ../anna --no-ask")
    assert done.code == 0, done.text
    for name, image in images.items():
        assert np.array_equal(pickle.loads(team.content("anna", f"interim/{name}.pkl")), image)
        red = pickle.loads(team.content("anna", f"final/{name}.pkl"))
        assert np.array_equal(red, image[:, :, 0])


@pytest.mark.parametrize(
    "command",
    [
        "luisy --module my_module.images RedChannel --no-ask",
        "luisy --module my_module.images RedChannel --no-ask --workers 2",
        "luigi --module my_module.images RedChannel --local-scheduler",
        "luigi --module my_module.images RedChannel --local-scheduler --workers 2",
    ],
    ids=["luisy", "luisy, two workers", "luigi", "luigi, two workers"],
)
def test_a_directory_without_boilerplate_holds_the_same(team, images, command):
    team.write_module("images", IN_SHORT)
    done = team.run(command, WORKING_DIR=str(team.root / "anna"))
    assert done.code == 0, done.text
    final = team.root / "anna/my_module/final/RedChannel"
    assert sorted(path.stem for path in final.iterdir()) == sorted(images)
    for name, image in images.items():
        assert np.array_equal(np.load(final / f"{name}.npy"), image[:, :, 0])


def test_changed_code_makes_only_its_own_directory_again(team, images):
    team.write_module("images", IN_SHORT)
    command = "luisy --module my_module.images RedChannel --working-dir ../anna --no-ask"
    assert team.run(command).code == 0
    team.edit("images.py", "image[:, :, 0]", "image[:, :, 1]")
    done = team.run(command)
    assert (done.code, done.computed) == (0, []), done.text
    final = team.root / "anna/my_module/final/RedChannel"
    for name, image in images.items():
        assert np.array_equal(np.load(final / f"{name}.npy"), image[:, :, 1])


def test_changed_reader_makes_the_directory_again(team, images):
    team.write_module("images", IN_SHORT)
    command = "luisy --module my_module.images RedChannel --working-dir ../anna --no-ask"
    assert team.run(command).code == 0
    team.edit("images.py", "filepath, io.imread(filepath)", "filepath, io.imread(filepath)[::2]")
    done = team.run(command)
    assert (done.code, len(done.computed)) == (0, len(images)), done.text
    final = team.root / "anna/my_module/final/RedChannel"
    for name, image in images.items():
        assert np.array_equal(np.load(final / f"{name}.npy"), image[::2, :, 0])
