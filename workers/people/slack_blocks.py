"""What people see in Slack: messages and the form for a reason, in Slack's Block Kit."""

from __future__ import annotations

import json
from typing import Any, Final

from workers.core.notice import Notice

APPROVE: Final = "sluis-approve"
REJECT: Final = "sluis-reject"
VIEW: Final = "sluis-view"
REASON: Final = "sluis-reason"

Blocks = list[dict[str, Any]]

_TEXT: Final = 2900  # characters; Slack takes 3000


def escaped(text: str) -> str:
    """The text without Slack's control characters: nothing in it is a link or calls anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def message(notice: Notice, text: str) -> Blocks:
    """A notice; with buttons where it is about a change that waits."""
    return [section(text), *([_buttons(notice)] if notice.change else [])]


def decided(text: str, outcome: str) -> Blocks:
    """A notice about a change that waits no more."""
    return [section(text), section(outcome)]


def reason_form(change: str, conversation: str) -> dict[str, Any]:
    """The form that asks why a change is rejected."""
    return {
        "type": "modal",
        "callback_id": REJECT,
        "private_metadata": json.dumps({"change": change, "conversation": conversation}),
        "title": {"type": "plain_text", "text": "Reject the change"},
        "submit": {"type": "plain_text", "text": "Reject"},
        "close": {"type": "plain_text", "text": "Back"},
        "blocks": [
            {
                "type": "input",
                "block_id": REASON,
                "label": {"type": "plain_text", "text": "Reason, for the requester"},
                "element": {"type": "plain_text_input", "action_id": REASON, "multiline": True, "max_length": 2000},
            }
        ],
    }


def section(text: str) -> dict[str, Any]:
    """A paragraph of text that shows as it is."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": escaped(text)[:_TEXT], "verbatim": True}}


def _buttons(notice: Notice) -> dict[str, Any]:
    buttons = [_button("Approve", APPROVE, notice.change, style="primary"), _button("Reject…", REJECT, notice.change)]
    if notice.link:
        buttons.append(_button("View", VIEW, notice.change, url=notice.link))
    return {"type": "actions", "elements": buttons}


def _button(label: str, action: str, change: str, **more: str) -> dict[str, Any]:
    return {
        "type": "button", "action_id": action, "value": change,
        "text": {"type": "plain_text", "text": label}, **more,
    }  # fmt: skip
