"""MLflow's webhook for tags of a version: subscribed to, tried out, and read where it arrives.

A server that has webhooks calls an address whenever somebody sets a tag, and signs what it sends:
https://mlflow.org/docs/latest/ml/webhooks/
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping

from mlflow.webhooks.constants import (
    WEBHOOK_DELIVERY_ID_HEADER,
    WEBHOOK_SIGNATURE_HEADER,
    WEBHOOK_SIGNATURE_VERSION,
    WEBHOOK_TIMESTAMP_HEADER,
)

from tasks.errors import ShoprecError, TransientError
from tasks.registry.faults import faults_of_mlflow
from tasks.registry.registry import Registry
from tasks.registry.reviews import NOTE, REVIEW, REVIEWER

TITLE = "shoprec-review"
EVENT = "model_version_tag.set"
TOLERANCE_S = 300
"""How far the clocks of the two may be apart; what is older may be somebody's copy of an earlier call."""


def subscribe(registry: Registry, url: str, secret: str) -> str:
    """Lets MLflow call `url` when a tag is set, instead of what was subscribed before; returns the webhook's id.

    Raises ShoprecError where the server has no webhooks, or does not take the address.
    """
    if not registry.uri.startswith("http"):
        raise ShoprecError(
            f"{registry.uri} is no MLflow server, and only a server calls a webhook: set MLFLOW_TRACKING_URI to one"
        )
    known = _known(registry)
    with faults_of_mlflow(registry.uri):
        if known is not None:
            registry.client.update_webhook(known, url=url, events=[EVENT], secret=secret, status="ACTIVE")
            return known
        about = f"Tags of versions of {registry.name}, for those who wait for a review."
        return registry.client.create_webhook(TITLE, url, [EVENT], description=about, secret=secret).webhook_id


def unsubscribe(registry: Registry, webhook: str, url: str) -> None:
    """Lets MLflow call nobody, if it is still `url` that it would call."""
    with faults_of_mlflow(registry.uri):
        if any(hook.webhook_id == webhook and hook.url == url for hook in registry.client.list_webhooks()):
            registry.client.delete_webhook(webhook)


def _known(registry: Registry) -> str | None:
    """Raises ShoprecError where the server cannot read what it knows, too."""
    try:
        with faults_of_mlflow(registry.uri):
            return next((hook.webhook_id for hook in registry.client.list_webhooks() if hook.name == TITLE), None)
    except TransientError as error:
        raise TransientError(
            f"{error}. If it does run: a server that was started without MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY, or with"
            " another one, cannot read the webhooks it had; infra/README.md says how to set it and what to do then"
        ) from error


def why_not_reached(registry: Registry, webhook: str) -> str | None:
    """Lets MLflow call once; None: it was answered well."""
    with faults_of_mlflow(registry.uri):
        tried = registry.client.test_webhook(webhook, EVENT)
    return None if tried.success else tried.error_message or f"{tried.response_status}: {tried.response_body}"


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether somebody who knows the secret sent it, within `TOLERANCE_S` of `now`, in seconds of the epoch."""
    delivery, sent = headers.get(WEBHOOK_DELIVERY_ID_HEADER, ""), headers.get(WEBHOOK_TIMESTAMP_HEADER, "")
    if not re.fullmatch(r"[0-9]{1,12}", sent) or abs(now - int(sent)) > TOLERANCE_S:
        return False
    digest = hmac.new(secret.encode(), f"{delivery}.{sent}.".encode() + body, hashlib.sha256).digest()
    expected = f"{WEBHOOK_SIGNATURE_VERSION},{base64.b64encode(digest).decode()}"
    return hmac.compare_digest(expected.encode(), headers.get(WEBHOOK_SIGNATURE_HEADER, "").encode())


def is_of_a_review(body: bytes, model: str) -> bool:
    """Whether it tells of a tag that reviewers set, on a version of `model`."""
    try:
        told = json.loads(body)["data"]
        return told["name"] == model and told["key"] in (REVIEW, NOTE, REVIEWER)
    except (ValueError, KeyError, TypeError):
        return False
