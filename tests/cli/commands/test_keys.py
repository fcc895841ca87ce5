from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from agent.cli.control import control_endpoint
from agent.cli.main import main
from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.crypto.keys import KeyRing
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import DAY, Clock, parse_instant
from agent.model.key_rotation import KEY_ROTATION
from agent.model.rng import SeededRng
from agent.runtime import Agent
from storage.profile import write_private
from tests.aggregation.collected import element, sealed_report, shared_info
from tests.cli.conftest import Tallyhost


def ring_in(file: Path) -> KeyRing:
    return KeyRing.from_json(file.read_text(), where=str(file))


def test_a_generated_file_is_a_key_ring_that_only_its_owner_reads(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    run = tallyhost("keys", "generate", str(file), "--every", "7d", "--json")
    assert run.code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    ring = ring_in(file)
    (shown,) = run.document["keys"]
    assert (shown["id"], shown["current"]) == (ring.current.id.hex(), True)
    assert parse_instant(shown["made"]) == ring.current.made
    assert (run.document["rotation"], parse_instant(run.document["next_rotation"])) == (
        7 * DAY,
        ring.current.made + 7 * DAY,
    )


def test_a_seed_repeats_a_generated_key(tallyhost: Tallyhost, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert tallyhost("keys", "generate", "--seed", "7", str(tmp_path / name)).code == 0
    assert ring_in(tmp_path / "a").current.public_key == ring_in(tmp_path / "b").current.public_key


def test_private_halves_are_never_printed(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = str(tmp_path / "keys.json")
    runs = [tallyhost("keys", *words) for words in (("generate", file), ("rotate", file), ("list", file))]
    runs += [tallyhost("keys", "list", file, "--json")]
    for entry in json.loads((tmp_path / "keys.json").read_text())["keys"]:
        assert [run for run in runs if entry["private_key"] in run.out + run.err] == []
        assert entry["public_key"] in runs[-1].out


def test_a_file_that_is_there_is_never_overwritten(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text("precious")
    run = tallyhost("keys", "generate", str(file))
    assert (run.code, file.read_text()) == (2, "precious")
    assert "keys rotate" in run.err


def test_rotating_a_file_adds_a_current_key_and_lists_it_first(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    tallyhost("keys", "generate", str(file))
    old = ring_in(file).current
    run = tallyhost("keys", "rotate", str(file), "--json")
    ring = ring_in(file)
    assert list(ring) == [old, ring.current]
    assert [(key["id"], key["current"]) for key in run.document["keys"]] == [
        (ring.current.id.hex(), True),
        (old.id.hex(), False),
    ]
    assert tallyhost("keys", "list", str(file), "--json").document == run.document


def test_no_key_is_lost_where_a_file_is_rotated_twice_at_once(
    tallyhost: Tallyhost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    tallyhost("keys", "generate", str(file))
    other = threading.Thread(target=main, args=(["keys", "rotate", str(file)],))

    def while_another_begins(path: Path, text: str) -> None:
        monkeypatch.setattr("storage.profile.write_private", write_private)
        other.start()
        other.join(0.5)  # it has the time to finish, unless it waits for us
        write_private(path, text)

    monkeypatch.setattr("storage.profile.write_private", while_another_begins)
    assert tallyhost("keys", "rotate", str(file)).code == 0
    other.join()
    assert len(list(ring_in(file))) == 3


def test_a_folder_that_is_not_there_is_told(tallyhost: Tallyhost, tmp_path: Path) -> None:
    for command in ("generate", "rotate"):
        run = tallyhost("keys", command, str(tmp_path / "nowhere" / "keys.json"))
        assert run.code == 2
        assert "no such folder" in run.err


def test_decrypt_opens_with_the_file_what_was_sealed_to_any_of_its_keys(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file, reports = tmp_path / "keys.json", tmp_path / "reports.jsonl"
    tallyhost("keys", "generate", str(file))
    tallyhost("keys", "rotate", str(file))
    plaintext = encode_payload([Contribution(0x559, 1)], id_bytes=1, length=1)
    with reports.open("wb") as lines:
        for key in ring_in(file):
            sealed = seal_payload(plaintext, shared_info(), key.public_key, SeededRng(1))
            lines.write(sealed_report("a", element(sealed, key.id.hex())) + b"\n")
    run = tallyhost("decrypt", "--keys", str(file), str(reports), "--json")
    assert [payload["data"] for payload in run.document["payloads"]] == [[{"bucket": "0x559", "value": 1, "id": 0}]] * 2


def test_a_rotation_period_is_set_and_taken_back(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    tallyhost("keys", "generate", str(file))
    assert ring_in(file).rotation is None
    for every, expected in (("1d12h", 36 * 3_600_000), (None, 36 * 3_600_000), ("never", None)):
        tallyhost("keys", "rotate", str(file), *(("--every", every) if every else ()))
        assert ring_in(file).rotation == expected


@pytest.mark.parametrize("every", ["soon", "0s", "-1d", ""])
def test_a_period_that_is_none_changes_nothing(tallyhost: Tallyhost, tmp_path: Path, every: str) -> None:
    file = tmp_path / "keys.json"
    tallyhost("keys", "generate", str(file))
    before = file.read_text()
    run = tallyhost("keys", "rotate", str(file), f"--every={every}")
    assert (run.code, file.read_text()) == (2, before)


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), (b"\xff", "UTF-8"), (b"{}", "no key file")])
def test_what_is_no_key_file_is_told(tallyhost: Tallyhost, tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "keys.json"
    if content is not None:
        file.write_bytes(content)
    for command in ("list", "rotate"):
        run = tallyhost("keys", command, str(file))
        assert run.code == 2
        assert told in run.err
        assert str(file) in run.err


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    async def make() -> None:
        async with Agent.open_profile(tmp_path / "profile"):
            pass

    asyncio.run(make())
    return tmp_path / "profile"


def test_a_profile_at_rest_is_listed_and_rotated_and_says_so_in_its_events(tallyhost: Tallyhost, profile: Path) -> None:
    old = ring_in(profile / "keys.json").current
    (listed,) = tallyhost("keys", "list", "--profile", str(profile), "--json").document["keys"]
    assert listed["id"] == old.id.hex()
    run = tallyhost("keys", "rotate", "--profile", str(profile), "--every", "7d", "--json")
    ring = ring_in(profile / "keys.json")
    assert [key["id"] for key in run.document["keys"]] == [ring.current.id.hex(), old.id.hex()]
    assert ring.rotation == 7 * DAY

    async def events() -> list[object]:
        async with Agent.open_profile(profile) as agent:
            return [event.data for event in await agent.events.all(KEY_ROTATION)]

    assert asyncio.run(events()) == [{"key_id": ring.current.id.hex(), "due": False}]


async def test_a_running_agent_has_the_new_key_at_once_and_in_its_file(tallyhost: Tallyhost, tmp_path: Path) -> None:
    clock = Clock.frozen()
    async with (
        Agent.open_profile(tmp_path / "kept", clock=clock) as agent,
        control_endpoint(agent, str(tmp_path / "kept")),
    ):
        old = agent.service_keys.current
        run = await asyncio.to_thread(tallyhost, "keys", "rotate", "--profile", str(tmp_path / "kept"), "--json")
        current = agent.service_keys.current
        assert [key["id"] for key in run.document["keys"]] == [current.id.hex(), old.id.hex()]
        assert current.made == clock.now()
        assert list(ring_in(tmp_path / "kept" / "keys.json")) == [old, current]


def test_a_profile_s_file_is_not_changed_behind_its_agent_s_back(tallyhost: Tallyhost, profile: Path) -> None:
    before = (profile / "keys.json").read_text()
    for command in ("list", "rotate"):
        run = tallyhost("keys", command, str(profile / "keys.json"))
        assert run.code == 2
        assert f"--profile {profile}" in run.err
    assert (profile / "keys.json").read_text() == before


def test_a_full_disk_is_told_and_leaves_the_keys_as_they_were(
    tallyhost: Tallyhost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _text: str) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "keys.json"
    tallyhost("keys", "generate", str(file))
    before = file.read_text()
    monkeypatch.setattr("storage.profile.write_private", full)
    run = tallyhost("keys", "rotate", str(file))
    assert (run.code, file.read_text()) == (3, before)
    assert "No space left" in run.err
