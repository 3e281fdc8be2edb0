"""Tasks of one name, which luigi would take for one."""

import luisy
import pytest
from luigi.task_register import Register
from luisy.namesakes import check_ids, check_yielded
from luisy_protocol.errors import ConfigurationError


@pytest.fixture(autouse=True)
def own_register():
    known = list(Register._reg)
    yield
    Register._reg[:] = known


def task_of(module, text="first"):
    class Twin(luisy.Task):
        __module__ = module
        number = luisy.IntParameter(default=0)

        def run(self):
            self.write(text)

    return Twin


def yielding(twin):
    class Yielding(luisy.Task):
        def run(self):
            below = yield twin()
            self.write(below.read())

    return Yielding


def test_one_name_in_two_modules_is_refused_with_both():
    with pytest.raises(ConfigurationError, match="'Twin' in one_module and in two_module"):
        check_ids([task_of("one_module")(), task_of("two_module")()])


def test_one_name_with_different_parameters_has_different_ids():
    check_ids([task_of("one_module")(number=1), task_of("two_module")(number=2)])


def test_version_that_was_replaced_is_named():
    with pytest.raises(ConfigurationError, match="two versions of the task 'Twin' in one_module"):
        check_ids([task_of("one_module")(), task_of("one_module")()])


def test_yielded_task_may_have_no_namesake_anywhere():
    twin = task_of("one_module")
    check_yielded([twin()])
    task_of("two_module")
    with pytest.raises(ConfigurationError, match="'Twin' in one_module and in two_module"):
        check_yielded([twin()])


def test_yielded_task_may_have_been_defined_anew(luisy_working_dir):
    task_of(__name__)
    root = yielding(task_of(__name__, "second"))()
    assert luisy.build(root).succeeded
    assert root.read() == "second"
