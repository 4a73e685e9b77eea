"""Stream ids as the SRT access control guidelines have them, and who is let in with what code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.desired import ChannelSpec, key_hash
from ingest.session import Session, State
from ingest.srt.access import Claim, Refused, Reject, decide, parse, read_passphrases

STUDIO = ChannelSpec(channel="studio", title="Studio", edition="e1", key_hashes=(key_hash("KEY"),))


def opened_by(key: str) -> ChannelSpec | None:
    return STUDIO if key_hash(key) in STUDIO.key_hashes else None


@pytest.mark.rule("SRT access control 2", "a stream id names resource, mode and session in the form #!::r=..,m=..,s=..")
@pytest.mark.parametrize(
    ("stream_id", "claim"),
    [
        ("#!::r=studio,m=publish,s=KEY", Claim(key="KEY", channel="studio")),
        ("#!::m=publish,u=ann,h=host,t=stream,s=KEY", Claim(key="KEY")),
        ("#!::m=publish,key=KEY,program=7", Claim(key="KEY", program=7)),
        ("studio?key=KEY", Claim(key="KEY", channel="studio")),
        ("studio?key=KEY&program=2", Claim(key="KEY", channel="studio", program=2)),
        ("KEY", Claim(key="KEY")),
    ],
)
def test_forms_that_are_taken(stream_id: str, claim: Claim) -> None:
    assert parse(stream_id) == claim


@pytest.mark.rule("SRT access control 4", "a refusal has the code that says why")
@pytest.mark.parametrize(
    ("stream_id", "code"),
    [
        ("", Reject.UNAUTHORIZED),
        ("#!::r=studio,m=publish", Reject.UNAUTHORIZED),
        ("studio?nokey=1", Reject.UNAUTHORIZED),
        ("studio?", Reject.UNAUTHORIZED),
        ("#!::r=studio,s=KEY", Reject.BAD_MODE),
        ("#!::r=studio,m=request,s=KEY", Reject.BAD_MODE),
        ("#!::m=publish,t=file,s=KEY", Reject.NOTSUP_MEDIA),
        ("#!:{r=studio}", Reject.BAD_REQUEST),
        ("#!::studio", Reject.BAD_REQUEST),
        ("#!::m=publish,s=KEY,program=x", Reject.BAD_REQUEST),
        ("a?" + "&".join("b=c" for _ in range(40)), Reject.BAD_REQUEST),
        ("x" * 600, Reject.BAD_REQUEST),
        ("\x00", Reject.BAD_REQUEST),
    ],
)
def test_what_is_refused_and_why(stream_id: str, code: Reject) -> None:
    with pytest.raises(Refused) as refused:
        parse(stream_id)
    assert refused.value.code is code


@given(st.text(max_size=600) | st.text(alphabet="#!:{}=,?&krsm", max_size=60))
def test_any_stream_id_gives_a_claim_or_a_code(stream_id: str) -> None:
    try:
        assert parse(stream_id).key
    except Refused as refused:
        assert (refused.code in Reject and "KEY" in str(refused)) or str(refused)


def test_the_key_decides_and_the_name_must_fit() -> None:
    fine = decide("#!::r=studio,m=publish,s=KEY", opened_by, {}, {})
    assert (fine.code, fine.outcome, fine.channel, fine.passphrase) == (0, "admitted", "studio", "")
    wrong = decide("#!::r=studio,m=publish,s=OTHER", opened_by, {}, {})
    assert (wrong.code, wrong.outcome) == (Reject.UNAUTHORIZED, "wrong-key")
    other = decide("elsewhere?key=KEY", opened_by, {}, {})
    assert (other.code, other.outcome) == (Reject.FORBIDDEN, "wrong-key")
    broken = decide("#!:", opened_by, {}, {})
    assert (broken.code, broken.outcome) == (Reject.BAD_REQUEST, "malformed")
    assert "OTHER" not in wrong.sentence and "KEY" not in other.sentence


def test_a_second_publisher_is_a_conflict_unless_the_first_is_stalled() -> None:
    living = {"studio": Session(state=State.LIVE, heard=0)}
    assert decide("KEY", opened_by, living, {}).code == Reject.CONFLICT
    living = {"studio": Session(state=State.STALLED, heard=0)}
    assert decide("KEY", opened_by, living, {}).code == 0


def test_passphrases_by_channel() -> None:
    secrets = read_passphrases("# of the house\n\nstudio: correct horse\n*: battery staple: x\n")
    assert decide("KEY", opened_by, {}, secrets).passphrase == "correct horse"
    del secrets["studio"]
    assert decide("KEY", opened_by, {}, secrets).passphrase == "battery staple: x"


@pytest.mark.parametrize("text", ["studio: short", "studio", "a: " + "x" * 80])
def test_a_fault_in_the_file_is_named_by_its_line_alone(text: str) -> None:
    with pytest.raises(ValueError, match="line 2") as fault:
        read_passphrases("\n" + text)
    assert "short" not in str(fault.value) and "xx" not in str(fault.value)
