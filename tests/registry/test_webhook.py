"""What arrives at the listener is believed where MLflow signed it, and acted on where it tells of a review."""

import json

import pytest
from mlflow.webhooks.delivery import _generate_hmac_signature

from tasks.errors import ShoprecError
from tasks.registry.registry import Registry
from tasks.registry.webhook import is_of_a_review, is_signed, subscribe

SECRET, NOW = "0123456789abcdef", 1_700_000_000
BODY = json.dumps({"data": {"name": "shoprec", "version": "2", "key": "review", "value": "approved"}})


def signed(secret: str = SECRET, sent: str = str(NOW), body: str = BODY) -> dict[str, str]:
    """As MLflow's own code signs it."""
    signature = _generate_hmac_signature(secret, "delivery", sent, body)
    return {"X-MLflow-Delivery-Id": "delivery", "X-MLflow-Timestamp": sent, "X-MLflow-Signature": signature}


def test_what_mlflow_signs_is_believed() -> None:
    assert is_signed(SECRET, signed(), BODY.encode(), NOW)
    assert is_signed(SECRET, signed(), BODY.encode(), NOW + 299)


@pytest.mark.parametrize(
    "headers",
    [
        signed(secret="another secret!!"),
        signed(body=BODY.replace("approved", "rejected")),
        signed(sent=str(NOW - 301)),
        signed(sent=str(NOW + 301)),
        signed(sent="²"),
        signed(sent="9" * 5000),
        signed(sent=""),
        signed() | {"X-MLflow-Delivery-Id": "another"},
        signed() | {"X-MLflow-Signature": "é"},
        {},
    ],
)
def test_what_is_signed_otherwise_is_not(headers: dict[str, str]) -> None:
    assert not is_signed(SECRET, headers, BODY.encode(), NOW)


@pytest.mark.parametrize("key", ["review", "review_note", "reviewer"])
def test_tags_of_reviewers_are_of_a_review(key: str) -> None:
    assert is_of_a_review(json.dumps({"data": {"name": "shoprec", "key": key}}).encode(), "shoprec")


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"name": "shoprec", "key": "review_answer"}}',  # our own
        b'{"data": {"name": "another", "key": "review"}}',
        b'{"data": {"name": "shoprec"}}',
        b'{"data": null}',
        b"[]",
        b"\xff",
        b"",
    ],
)
def test_all_else_is_not(body: bytes) -> None:
    assert not is_of_a_review(body, "shoprec")


def test_a_database_has_nobody_who_calls(registry: Registry) -> None:
    with pytest.raises(ShoprecError, match="is no MLflow server"):
        subscribe(registry, "https://example.com", SECRET)
