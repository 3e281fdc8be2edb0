from __future__ import annotations

from luisy_cloud import StoreSynchroniser
from luisy_cloud.inventory import take_whole_inventory
from luisy_cloud.verification import is_damage, verify
from luisy_protocol.errors import IntegrityError, NotFound, Unavailable
from luisy_protocol.progress import Silent
from luisy_protocol.testing import FaultyStore


def check(store) -> dict[str, Exception]:
    inventory = take_whole_inventory(store)
    return verify(store, inventory, inventory.records.values(), progress=Silent(), workers=4)


def test_verify_names_what_is_damaged_and_what_is_gone(store, tmp_path, make_output):
    good = make_output(tmp_path, "p/final/good", b"1")
    damaged = make_output(tmp_path, "p/final/damaged", b"2")
    folder = make_output(tmp_path, "p/final/d", {"1": b"1", "2": b"2"})
    synchroniser = StoreSynchroniser(store, tmp_path)
    synchroniser.upload([good, damaged, folder], progress=Silent(), stored=lambda _: None)
    assert check(store) == {}
    store.write(damaged.key, b"3")
    store.delete("p/final/d/2")
    failures = check(store)
    assert {key: type(error) for key, error in failures.items()} == {
        damaged.key: IntegrityError,
        folder.key: NotFound,
    }
    assert all(is_damage(error) for error in failures.values())


def test_verify_does_not_call_damaged_what_cannot_be_read(store, tmp_path, make_output):
    file = make_output(tmp_path, "p/final/file", b"1")
    folder = make_output(tmp_path, "p/final/d", {"1": b"1", "2": b"2"})
    synchroniser = StoreSynchroniser(store, tmp_path)
    synchroniser.upload([file, folder], progress=Silent(), stored=lambda _: None)
    store.write("p/final/d/2", b"3")

    def before(operation, key):
        if operation == "download" and key != "p/final/d/2":
            raise Unavailable("the line is cut")

    failures = check(FaultyStore(store, before=before))
    assert {key: is_damage(error) for key, error in failures.items()} == {
        file.key: False,
        folder.key: True,
    }
