import luigi
import luisy
import pytest
from luisy_protocol import ConfigurationError

pytestmark = pytest.mark.usefixtures("luisy_working_dir")


class One(luisy.ExternalTask):
    a = luisy.IntParameter(default=1)


class Two(luisy.ExternalTask):
    b = luisy.Parameter(default="x")


def test_requires_one_task_gives_the_task():
    @luisy.requires(One)
    class Single(luisy.Task):
        pass

    assert Single(a=3).requires() == One(a=3)
    assert Single(a=3).input().path == One(a=3).get_outfile()


def test_requires_several_tasks_gives_a_list_in_their_order():
    @luisy.requires(Two, One)
    class Several(luisy.Task):
        pass

    assert Several(a=3, b="y").requires() == [Two(b="y"), One(a=3)]


def test_requires_as_dict_gives_tasks_by_family():
    @luisy.requires(One, Two, as_dict=True)
    class Several(luisy.Task):
        pass

    assert Several(a=3).requires() == {"One": One(a=3), "Two": Two()}
    assert Several().input()["Two"].path == Two().get_outfile()


def test_requires_as_dict_of_one_task_gives_the_task():
    @luisy.requires(One, as_dict=True)
    class Single(luisy.Task):
        pass

    assert Single().requires() == One()


def test_requires_as_dict_refuses_two_tasks_of_one_family():
    with pytest.raises(ConfigurationError, match="One"):

        @luisy.requires(One, One, as_dict=True)
        class Twice(luisy.Task):
            pass


def test_requires_by_own_names_gives_a_dictionary():
    @luisy.requires(first=One, second=Two)
    class Named(luisy.Task):
        pass

    assert Named(a=2).requires() == {"first": One(a=2), "second": Two()}


def test_requires_without_a_task_is_an_error():
    with pytest.raises(TypeError):
        luisy.requires()


def test_own_parameter_wins_over_an_inherited_one():
    @luisy.requires(One)
    class Own(luisy.Task):
        a = luisy.IntParameter(default=7)

    assert Own().requires() == One(a=7)


def test_inherits_hands_on_parameters():
    @luisy.inherits(One, Two)
    class Child(luisy.Task):
        def requires(self):
            return self.clone_parents()

    below = Child(a=4, b="z", download=True).requires()
    assert below == [One(a=4), Two(b="z")]
    assert [task.download for task in below] == [True, True]


def test_plain_task_of_luigi_hands_on_download():
    @luisy.requires(One)
    class Plain(luigi.Task):
        pass

    assert Plain(a=2, download=True).requires().download


def test_clone_of_a_chain_hands_on_to_the_end():
    @luisy.requires(One)
    class Middle(luisy.Task):
        pass

    @luisy.requires(Middle)
    class Last(luisy.Task):
        pass

    assert Last(a=9, upload=True).requires().requires().upload
    assert Last(a=9).requires().requires().a == 9
