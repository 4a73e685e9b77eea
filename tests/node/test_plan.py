"""What a supervisor is to run."""

from pathlib import Path

import pytest

from node import plan, settings
from node.home import PORTS, Home
from node.plan import ROLES, Door
from node.settings import Settings, SettingsFault

HOME = Home(Path("/srv/headwater"))


def test_a_full_box_is_one_process_a_role_and_one_edge_a_core() -> None:
    made = plan.make(HOME, plan.FULL, Settings())
    count = {name: len([spec for spec in made.specs if spec.role == name]) for name in ROLES}
    assert count == {
        "origin": 1,
        "control": 1,
        "ingest": 1,
        "edge": settings.cores(),
        "pictures": 1,
        "remux": 1,
        "demo": 0,
    }
    assert {door.name: door.url() for door in made.doors} == {
        "control": "http://127.0.0.1:8081",
        "rtmp": "rtmp://127.0.0.1:1935",
        "edge": "http://127.0.0.1:8080",
        "ops": "http://127.0.0.1:8083",
    }


def test_pictures_are_made_beside_an_origin_and_nowhere_else() -> None:
    roles = [spec.role for spec in plan.make(HOME, ["origin"], Settings()).specs]
    assert roles == ["origin", "pictures"]
    assert [spec.role for spec in plan.make(HOME, ["origin"], Settings({"pictures.on": False})).specs] == ["origin"]
    edge = plan.make(HOME, ["edge"], Settings({"edge.upstream": "http://10.0.0.1:80", "edge.workers": 1}))
    assert [spec.role for spec in edge.specs] == ["edge"]
    assert "pictures" not in plan.BY_NAME, "nobody starts it by name"


def test_a_process_gets_its_home_its_number_and_the_settings() -> None:
    chosen = Settings({"edge.workers": 2})
    made = plan.make(HOME, plan.FULL, chosen, port_base=9000, config=Path("/etc/hw.toml"), overrides=["edge.workers=2"])
    last = made.specs[-1]
    assert (last.role, last.worker, last.alone) == ("edge", 1, False)
    assert last.arguments == (
        *("--home", "/srv/headwater", "--port-base", "9000", "--config", "/etc/hw.toml"),
        *("--set", "edge.workers=2", "--worker", "1"),
    )
    assert made.door("edge") == Door(name="edge", role="edge", scheme="http", address=("0.0.0.0", 9000))


def test_listeners_follow_the_settings() -> None:
    chosen = Settings(
        {"origin.listen": "10.0.0.7:9100", "edge.listen": "[::]:80", "control.listen": "unix:/run/c.sock"}
    )
    made = plan.make(HOME, plan.FULL, chosen)
    doors = {door.name: door for door in made.doors}
    assert doors["origin"].url("localhost") == "http://10.0.0.7:9100"
    assert doors["edge"].near == ("::1", 80) and doors["edge"].for_all
    assert doors["edge"].url("localhost") == "http://localhost:80"
    assert doors["control"].url() == "unix:/run/c.sock" and doors["control"].near == Path("/run/c.sock")
    assert doors["rtmp"].near == ("127.0.0.1", 1935)


@pytest.mark.parametrize(
    ("names", "given", "words"),
    [
        (["edge"], {}, ["--role edge needs the origin: add --role origin, or say where it is: --set edge.upstream="]),
        (["edge"], {"edge.upstream": "http://10.0.0.1:80"}, []),
        (["ingest", "control"], {}, ["--role ingest needs the origin", "--role control needs the origin"]),
        (["demo"], {}, ["--role demo needs the ingest: add --role ingest", "--role demo needs the control"]),
        (["origin"], {}, []),
    ],
)
def test_a_role_alone_must_know_its_peers(names: list[str], given: dict[str, str], words: list[str]) -> None:
    if not words:
        assert plan.make(HOME, names, Settings({**given})).roles == tuple(names)
        return
    with pytest.raises(SettingsFault) as refused:
        plan.make(HOME, names, Settings({**given}))
    assert len(refused.value.faults) == len(words)
    assert all(fault.startswith(start) for fault, start in zip(refused.value.faults, words, strict=True))


@pytest.mark.parametrize("base", [-1, 65533, 99999])
def test_a_base_whose_ports_do_not_exist_is_refused(base: int) -> None:
    most = 65535 - max(row.offset for row in PORTS.values())
    with pytest.raises(SettingsFault, match=f"--port-base: give a number from 1 to {most}"):
        plan.make(HOME, ["origin"], Settings(), port_base=base)


def test_shorthand_means_the_roles_own_settings() -> None:
    given = {"listen": "0.0.0.0:80", "upstream": "http://o:1", "workers": "3"}
    assert plan.shorthand(["edge"], given) == ["edge.listen=0.0.0.0:80", "edge.upstream=http://o:1", "edge.workers=3"]
    assert plan.shorthand(["ingest"], given | {"workers": None})[0] == "ingest.rtmp_listen=0.0.0.0:80"
    assert plan.shorthand(plan.FULL, dict.fromkeys(plan.SHORTHAND)) == []
    assert plan.shorthand(["origin"], {"workers": "3"}) == ["origin.workers=3"]
    with pytest.raises(SettingsFault, match="--workers: ingest has no such setting"):
        plan.shorthand(["ingest"], {"workers": "3"})
    with pytest.raises(SettingsFault, match="--listen: give it together with one --role"):
        plan.shorthand(plan.FULL, {"listen": "0.0.0.0:80"})


@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.name)
def test_every_setting_that_a_row_names_is_in_the_settings_table(role: plan.Role) -> None:
    named = [role.listen, role.upstream, role.workers, *(setting for _, setting in role.peers)]
    assert [name for name in named if name and name not in settings.TABLE] == []


def test_workers_of_an_origin_share_its_tcp_address() -> None:
    made = plan.make(HOME, ["origin"], Settings({"origin.workers": 2, "origin.listen": "10.0.0.7:9100"}))
    origins = [spec for spec in made.specs if spec.role == "origin"]
    assert [(spec.worker, spec.alone) for spec in origins] == [(0, False), (1, False)]
    every = plan.make(HOME, ["origin"], Settings({"origin.workers": 0, "origin.listen": "10.0.0.7:9100"}))
    assert sum(spec.role == "origin" for spec in every.specs) == settings.cores()


@pytest.mark.parametrize("role", ["origin", "edge"])
@pytest.mark.parametrize("listen", ["", "unix:/run/o.sock"])
def test_workers_that_have_no_address_to_share_are_refused(role: str, listen: str) -> None:
    chosen = Settings({f"{role}.workers": 2, f"{role}.listen": listen, "edge.upstream": "http://10.0.0.1:80"})
    if role == "edge" and not listen:
        assert len(plan.make(HOME, [role], chosen).specs) == 2, "the ports table has one"
        return
    with pytest.raises(SettingsFault, match=rf"{role}\.workers: several workers share {role}\.listen"):
        plan.make(HOME, [role], chosen)


def test_further_listeners_of_ingest_by_what_switches_them_off() -> None:
    chosen = Settings({"ingest.srt": False, "ingest.push_listen": "127.0.0.1:99"})
    found = plan.make(HOME, plan.FULL, chosen, port_base=9000).further()
    assert {setting: door.url() for setting, door in found.items()} == {
        "ingest.whip": "http://127.0.0.1:9007",
        "ingest.push": "http://127.0.0.1:99",
    }
    alone = plan.make(HOME, ["edge"], Settings({"edge.upstream": "http://o:1"}))
    assert alone.further() == {}
