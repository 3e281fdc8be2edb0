from __future__ import annotations

from luisy_cloud import StoreSynchroniser
from luisy_cloud.inventory import take_whole_inventory
from luisy_cloud.verification import verify
from luisy_protocol.errors import IntegrityError, NotFound
from luisy_protocol.progress import Silent


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
