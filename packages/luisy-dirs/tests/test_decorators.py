"""What the decorators accept, and what they refuse while the module is still being imported."""

import luisy
import pytest
from luisy_dirs import DirectoryTarget, SourceTarget, directory_output, make_directory_output
from luisy_protocol.errors import ConfigurationError


class Source(luisy.ExternalTask):
    pass


class Task(luisy.Task):
    def process(self, path, content):
        return content


def test_names_are_added_to_luisy():
    assert luisy.directory_output is directory_output
    assert luisy.decorators.directory_output is directory_output
    assert luisy.decorators.make_directory_output is make_directory_output


def test_output_is_a_directory_named_after_the_task(luisy_working_dir):
    @directory_output
    @luisy.interim
    class Many(Task):
        pass

    assert Many().output().is_folder
    assert isinstance(Many().output(), DirectoryTarget)
    assert Many().get_outfile().endswith("/interim/Many")
    assert Many().output().suffix == ".pkl"


def test_source_is_named_by_its_folder_or_is_the_layer_itself(luisy_working_dir):
    @make_directory_output(str)
    @luisy.raw
    class Whole(luisy.ExternalTask):
        def get_folder_name(self):
            return ""

    assert isinstance(Whole().output(), SourceTarget)
    assert Whole().key == f"{Whole().project_name}/raw"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"write": print}, "needs write= and read="),
        ({"read": print}, "needs write= and read="),
        ({"workers": 0}, "1 or more, not 0"),
        ({"workers": "2"}, "1 or more, not '2'"),
        ({"on_error": "ignore"}, "'raise' or 'skip', not 'ignore'"),
        ({"suffix": "/x"}, "suffix"),
        ({"suffix": "\n"}, "suffix"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_wrong_argument_is_refused(arguments, said):
    with pytest.raises(ConfigurationError, match=said):
        directory_output(**arguments)


def test_class_without_process_or_run_is_refused():
    with pytest.raises(ConfigurationError, match="needs a method process"):

        @directory_output
        class Lazy(luisy.Task):
            pass


def test_pattern_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="no regular expression"):
        make_directory_output(str, regex_pattern="(")


def test_reader_that_is_no_function_is_refused():
    with pytest.raises(ConfigurationError, match="needs a function"):
        make_directory_output("reader")


def test_source_that_is_not_external_is_refused():
    with pytest.raises(ConfigurationError, match=r"not a luisy\.ExternalTask"):
        make_directory_output(str)(Task)
