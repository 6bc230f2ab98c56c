"""Reading plans: counts, attributes, reasons, outputs, sensitivity, the approver's summary."""

from __future__ import annotations

from workers.core.records import Counts
from workers.execution.plan_markdown import MARKDOWN_BYTES, read_plan


def resource(address: str, actions: list[str], before=None, after=None, **more) -> dict:
    """One entry of resource_changes."""
    entry = {key: more.pop(key) for key in ("action_reason", "previous_address", "mode") if key in more}
    change = {
        "actions": actions,
        "before": before,
        "after": after,
        "after_unknown": {},
        "before_sensitive": {},
        "after_sensitive": {},
        **more,
    }
    return {"address": address, "type": "t", "mode": "managed", "change": change, **entry}


def plan(*resources: dict, **more) -> dict:
    """A plan document."""
    return {"format_version": "1.2", "resource_changes": list(resources), **more}


def test_every_action_is_counted_and_named():
    """Each combination of actions has one word; reads and forgets are listed and not counted."""
    actions = {"create": ["create"], "update": ["update"], "delete": ["delete"], "read": ["read"], "forget": ["forget"]}
    entries = [resource(f"t.{name}", steps) for name, steps in actions.items()]
    entries += [
        resource("t.r1", ["delete", "create"]),
        resource("t.r2", ["create", "delete"]),
        resource("t.no", ["no-op"]),
    ]
    facts = read_plan(plan(*entries))
    assert facts.counts == Counts(create=1, update=1, delete=1, replace=2)
    assert [change.action for change in facts.changes] == [*actions, "replace", "replace"]
    assert facts.summary == "1 to create, 1 to update, 2 to replace, 1 to delete, 1 to forget"


def test_what_cannot_be_undone_comes_first():
    """Deletions and replacements stand above changes and creations."""
    facts = read_plan(
        plan(resource("t.new", ["create"]), resource("t.old", ["update"]), resource("t.gone", ["delete"]))
    )
    lines = facts.markdown.split("\n")
    assert [line for line in lines if line.startswith("###")] == [
        "### Destroy: 1",
        "### Change in place: 1",
        "### Create: 1",
    ]


def test_old_and_new_values_are_shown():
    """Only what changes is shown, nested and in lists, with unknown and removed values named as such."""
    before = {"same": 1, "size": "s", "tags": {"a": "1", "b": "2"}, "list": [1, 2], "gone": "x", "id": "i"}
    after = {"same": 1, "size": "m", "tags": {"a": "1", "b": "3"}, "list": [1, 3, 4], "gone": None}
    text = read_plan(plan(resource("t.x", ["update"], before, after, after_unknown={"id": True}))).markdown
    assert '  - size: "s" → "m"' in text
    assert '  - tags.b: "2" → "3"' in text
    assert "  - list\\[1\\]: 2 → 3" in text
    assert "  - list\\[2\\]: 4" in text
    assert '  - gone: "x" → (removed)' in text
    assert '  - id: "i" → (known after apply)' in text
    assert "same" not in text
    assert "tags.a" not in text


def test_reasons_for_a_replacement_are_named():
    """Attributes that force a replacement and the tool's own reason stand beside the address."""
    tainted = resource("t.a", ["delete", "create"], action_reason="replace_because_tainted")
    forced = resource(
        "t.b", ["delete", "create"], action_reason="replace_because_cannot_update", replace_paths=[["disk", 0, "size"]]
    )
    facts = read_plan(plan(tainted, forced))
    assert [change.reasons for change in facts.changes] == [("tainted by an earlier failed apply",), ("disk[0].size",)]
    assert "because of disk\\[0\\].size" in facts.markdown


def test_moves_and_imports_are_told():
    """A resource that gets another address, and one that is taken over, say so."""
    facts = read_plan(
        plan(
            resource("t.b", ["update"], {"a": 1}, {"a": 2}, previous_address="t.a"),
            resource("t.c", ["update"], importing={"id": "1"}),
        )
    )
    assert "moved from t.a" in facts.markdown
    assert "imported" in facts.markdown


def test_sensitive_values_are_masked_by_structure():
    """Marked values are masked in summary and document; that one changed is still seen."""
    change = resource(
        "t.x", ["update"], {"pw": "old-secret", "list": ["a", "b"]}, {"pw": "new-secret", "list": ["a", "c"]}
    )
    change["change"] |= {
        "before_sensitive": {"pw": True, "list": [False, True]},
        "after_sensitive": {"pw": True, "list": [False, True]},
    }
    facts = read_plan(plan(change))
    assert "pw: (sensitive) → (sensitive)" in facts.markdown
    assert "list\\[1\\]: (sensitive) → (sensitive)" in facts.markdown
    assert "secret" not in repr(facts.document).replace("sensitive", "")


def test_what_is_marked_once_is_masked_everywhere():
    """A value that is marked in a variable and stands unmarked in a resource is masked there too."""
    document = plan(
        resource("t.x", ["create"], None, {"command": "login --password hunter22"}),
        variables={"password": {"value": "hunter22"}},
        configuration={"root_module": {"variables": {"password": {"sensitive": True}}}},
    )
    facts = read_plan(document)
    assert "hunter22" not in repr(facts)
    assert facts.document["resource_changes"][0]["change"]["after"] == {"command": "login --password ***"}


def test_outputs_of_the_present_are_those_before():
    """Outputs that exist are given with their present values, new and sensitive ones are not."""
    output = {"after_unknown": False, "before_sensitive": False, "after_sensitive": False}
    changes = {
        "kept": {"actions": ["no-op"], "before": "a", "after": "a", **output},
        "changed": {"actions": ["update"], "before": [1], "after": [2], **output},
        "new": {"actions": ["create"], "before": None, "after": "n", **output},
        "hidden": {
            "actions": ["update"],
            "before": "s1",
            "after": "s2",
            **output,
            "before_sensitive": True,
            "after_sensitive": True,
        },
    }
    facts = read_plan(plan(output_changes=changes))
    assert facts.outputs == {"kept": "a", "changed": [1]}
    assert facts.output_changes == ("changed", "hidden", "new")
    assert (facts.has_changes, facts.summary) == (True, "3 outputs to change")


def test_empty_before_looks_at_managed_resources_only():
    """Data sources do not count; nested modules and resources that vanished outside do."""
    assert read_plan(plan()).empty_before
    data = {"root_module": {"resources": [{"address": "data.t.x", "mode": "data"}]}}
    assert read_plan(plan(prior_state={"values": data})).empty_before
    nested = {"root_module": {"child_modules": [{"resources": [{"address": "m.t.x", "mode": "managed"}]}]}}
    assert not read_plan(plan(prior_state={"values": nested})).empty_before
    drifted = read_plan(plan(resource_drift=[resource("t.x", ["delete"])]))
    assert (drifted.empty_before, drifted.drifted) == (False, ("t.x",))
    assert "Changed outside of Terraform" in drifted.markdown


def test_a_large_plan_says_how_much_it_leaves_out():
    """A thousand resources fit into 8 kB, deletions first, with the number of those not shown."""
    entries = [resource(f"t.resource_with_a_long_name_{n}", ["create"], None, {"a": "x" * 200}) for n in range(1000)]
    facts = read_plan(plan(*entries, resource("t.gone", ["delete"])))
    assert len(facts.markdown.encode()) <= MARKDOWN_BYTES
    assert "t.gone" in facts.markdown
    shown = facts.markdown.count("- **")
    assert f"… and {1001 - shown} more" in facts.markdown


def test_no_changes_is_said():
    """A plan without changes has none, and says so."""
    facts = read_plan(plan(resource("t.x", ["no-op"])))
    assert (facts.has_changes, facts.summary, facts.markdown) == (False, "no changes", "**no changes**\n")
