"""Is an address free, and who has it."""

import os
import re
import socket

from node import listeners


def test_a_taken_port_is_told_with_its_holder() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        fault = listeners.fault_at("0.0.0.0", port)
        assert fault is not None
        assert re.fullmatch(
            rf"cannot listen on 0\.0\.0\.0:{port}: address already in use by .+ \(pid {os.getpid()}\)", fault
        )
    assert listeners.fault_at("0.0.0.0", port) is None


def test_a_taken_udp_port() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert f"(pid {os.getpid()})" in str(listeners.fault_at("127.0.0.1", port, udp=True))
    assert listeners.fault_at("127.0.0.1", port, udp=True) is None


def test_a_port_that_workers_share_counts_as_taken() -> None:
    """Else two appliances would share an edge port without a word."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        assert listeners.fault_at("0.0.0.0", taken.getsockname()[1]) is not None


def test_a_port_whose_connections_linger_is_free() -> None:
    """TIME_WAIT of an earlier run (RFC 9293 3.6.1) is no reason to refuse a start."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first lingers
        client.recv(1)
        client.close()
    assert listeners.fault_at("127.0.0.1", port) is None


def test_an_address_of_another_machine_is_told() -> None:
    assert "cannot assign requested address" in str(listeners.fault_at("203.0.113.77", 8080))
    assert "is no address of this machine" in str(listeners.fault_at("no.such.host.invalid", 8080))


def test_nobody_listens_on_a_free_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert listeners.who_listens(probe.getsockname()[1]) == ""


def test_the_address_for_others_is_not_loopback() -> None:
    address = listeners.lan_address()
    assert not address.startswith("127.")
    assert address == "" or socket.inet_aton(address)
