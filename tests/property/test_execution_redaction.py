"""What the redactor guarantees for any secret and any text around it."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from workers.core.redaction import MASK, SHORTEST, Redactor, secret_strings

ordinary = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
# No part of a mask: "***" would be found in what replaced it.
secrets = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="*"), min_size=SHORTEST, max_size=40
).filter(lambda text: len(text.strip()) >= SHORTEST)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | ordinary,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ordinary, inner, max_size=3),
)


@given(ordinary, secrets, ordinary)
def test_a_secret_is_found_wherever_it_stands(before, secret, after):
    """Plain, as JSON and in an address, a secret is replaced whatever surrounds it."""
    redactor = Redactor([secret])
    for form in (
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
    ):
        assert form not in redactor.text(before + form + after).replace(MASK, "")


@given(st.binary(max_size=9), secrets.filter(lambda text: len(text.encode()) >= 12), st.binary(max_size=9))
def test_a_secret_inside_base64_is_not_readable(before, secret, after):
    """Encoded together with other bytes, too little of a secret is left to read it back."""
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    left = Redactor([secret]).text(encoded)
    assert MASK in left
    assert len(left.replace(MASK, "")) <= len(encoded) - len(base64.b64encode(secret.encode())) + 12


@given(json_values, secrets)
def test_json_keeps_its_shape(value, secret):
    """Redacted JSON is JSON, holds no secret, and is untouched where there was none."""
    redacted = Redactor([secret]).json({"a": [value, secret], secret: value})
    assert secret not in [*redacted, *secret_strings(redacted)]
    assert Redactor(["a secret that is nowhere: 0b1e"]).json(value) == value


@given(ordinary, st.lists(secrets, max_size=3))
def test_redacting_twice_is_redacting_once(text, values):
    """What is redacted stays as it is."""
    once = Redactor(values).text(text)
    assert Redactor(values).text(once) == once


@given(ordinary, st.text(max_size=SHORTEST - 1))
def test_short_values_are_left_alone(text, value):
    """A value that is too short to be a secret does not ruin the log."""
    assert Redactor([value]).text(text) == text
