"""The methods of protection are those that names know."""

from __future__ import annotations

from base.names import PROTECTED, PROTECTIONS, Leaf
from packager.cenc import Scheme
from packager.methods import Method


def test_methods_are_spelt_as_names_spell_them() -> None:
    assert set(Method) == set(PROTECTIONS)


def test_key_files_are_named_where_keys_are_found_by_uri() -> None:
    assert {method for method in Method if method.key_by_uri} == {m for m in Method if Leaf.KEY in PROTECTED[m]}


def test_segments_are_ciphered_by_sample_or_as_wholes() -> None:
    assert {method: method.scheme for method in Method} == {
        Method.CENC: Scheme.CENC,
        Method.CBCS: Scheme.CBCS,
        Method.SAMPLE_AES: Scheme.CBCS,
        Method.AES_128: None,
    }
