"""The figures of a run as the tables and sentences of the page about speed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.pictures import LABELS

PARTS: Final = {
    "tool": "tofu and Ansible",
    "machine": "waiting until the machine answers",
    "store": "the store",
    "worker": "the rest of the worker: contracts, snapshots, guard, log",
    "approval": "approval visibility: until the review is shown, and until the decision is",
    "engine": "the engine, between the jobs",
    "whole": "**in all**",
}


@dataclass(frozen=True)
class Ratio:
    """Our figure against another side's of the same round, over all rounds: the median, the least, the most."""

    middle: float
    least: float
    most: float

    @property
    def rounds(self) -> str:
        """The range of the rounds, to stand behind the middle."""
        return f" (rounds {self.least:.2f} to {self.most:.2f})"


def ratios(result: Mapping[str, Any]) -> dict[str, dict[str, Ratio]]:
    """Ours against each other side."""
    sides = result["sides"]
    ours = sides["ours"]["rounds"]
    return {
        name: {
            "drain": _ratio(ours["rate"], side["rounds"]["rate"]),
            "round_trip": _ratio(ours["trip"], side["rounds"]["trip"]),
        }
        for name, side in sides.items()
        if name != "ours"
    }


def _ratio(ours: Sequence[float], other: Sequence[float]) -> Ratio:
    each = [a / b for a, b in zip(ours, other, strict=True)]
    return Ratio(round(median(each), 2), round(min(each), 2), round(max(each), 2))


def blocks(result: Mapping[str, Any]) -> dict[str, str]:
    """The generated parts of the page, by name."""
    idle = result["idle"]
    return {
        "surroundings": _surroundings(result),
        "aims": table(("aim", "measured", "reached"), _aim_rows(result)),
        "job-loop": "![Jobs per second of each client](../images/job-loop.svg)\n\n"
        + table(
            ("client", "jobs/s", "CPU per job", "round trip", "95 % within", "Sluis drains", "Sluis answers in"),
            _side_rows(result),
        ),
        "idle": f"{idle['types']} idle job types took {idle['core_share']:.2%} of one core.",
        "provisioning": table(("part", "Sluis", "script"), _part_rows(result["provisioning"])),
        "plans": _plans(result["plans"]),
        "approvals": table(("", "no approval open", f"{result['approvals']['count']} open"), _approval_rows(result)),
        "catalogue": table(("command", "seconds"), _catalogue_rows(result["catalogue"])),
        "logs": _logs(result["logs"]),
    }


def aims(result: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """What was aimed at, what was measured, and whether that reaches it."""
    against, sides = ratios(result), result["sides"]
    java = [name for name in sides if name.startswith("java")]
    drain, trip = ({name: ratio[what] for name, ratio in against.items()} for what in ("drain", "round_trip"))
    tuned = drain["pyzeebe-tuned"]
    found = [
        _at_least("drain, against tuned pyzeebe", tuned.middle, 7, tuned.rounds),
        *(_at_least(f"drain, against the {LABELS[one]}", drain[one].middle, 1, drain[one].rounds) for one in java),
        *(_at_most(f"round trip, against the {LABELS[one]}", trip[one].middle, 1, trip[one].rounds) for one in java),
    ]
    idle, approvals = result["idle"], result["approvals"]
    grown = approvals["memory_mb"]["open"] - approvals["memory_mb"]["none"]
    more = approvals["descriptors"]["open"] - approvals["descriptors"]["none"]
    return [
        *found,
        (
            f"{idle['types']} idle job types: under 2 % of a core",
            f"{idle['core_share']:.2%}",
            idle["core_share"] < _IDLE,
        ),
        _at_most("provisioning, against a script of the same commands", result["provisioning"]["ratio"], 1.15),
        _at_least(f"{result['plans']['count']} plans, against the best `xargs -P`", result["plans"]["speed"], 0.95),
        (f"{approvals['count']} open approvals: at most 10 MB more memory", f"{grown:+.1f} MB", grown <= _MEMORY_MB),
        (f"{approvals['count']} open approvals: no handle more", f"{more:+.0f}", more <= 0),
        (
            f"{approvals['count']} open approvals: no lock held",
            str(approvals["locks_held"]),
            not approvals["locks_held"],
        ),
    ]


_IDLE: Final = 0.02
_MEMORY_MB: Final = 10


def _at_least(what: str, found: float, wanted: float, rounds: str = "") -> tuple[str, str, bool]:
    return f"{what}: at least {wanted:g} times", f"{found:.2f} times{rounds}", found >= wanted


def _at_most(what: str, found: float, wanted: float, rounds: str = "") -> tuple[str, str, bool]:
    return f"{what}: at most {wanted:g} times", f"{found:.2f} times{rounds}", found <= wanted


def _aim_rows(result: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    return [(what, found, "yes" if reached else "**no**") for what, found, reached in aims(result)]


def _surroundings(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"Measured on {result['time'][:10]} with Camunda {result['engine']}: {machine['cores']} cores, Python "
        f"{machine['python']}, load average {machine['load_before']} before and {machine['load_after']} after; "
        f"{result['jobs']} jobs and {result['trips']} round trips for each side in each of {result['rounds']} rounds."
    )


def _side_rows(result: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    against = ratios(result)
    for name in LABELS:
        if (side := result["sides"].get(name)) is not None:
            ratio = against.get(name)
            yield (
                LABELS[name],
                f"{side['jobs_per_second']:.0f}",
                f"{side['cpu_ms_per_job']:.2f} ms",
                f"{side['round_trip_ms']:.1f} ms",
                f"{side['round_trip_ms_95']:.1f} ms",
                f"{ratio['drain'].middle:.2f} times" if ratio else "",
                f"{ratio['round_trip'].middle:.2f} times" if ratio else "",
            )


def _part_rows(found: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    for name, words in PARTS.items():
        yield words, *(f"{found[side][name]:.1f} s" if name in found[side] else "" for side in ("sluis", "script"))
    yield "**Sluis against the script**", f"{found['ratio']:.2f} times", ""


def _processes(plans: Mapping[str, Any]) -> list[str]:
    return [f"`-P {processes}`" for processes in plans["rounds"][0]["xargs_by_processes"]]


def _plans(found: Mapping[str, Any]) -> str:
    rounds = [pair["cpu_ms"] for pair in found["rounds"]]
    cpu = {name: f"{median(one[name] for one in rounds):.0f} ms" for name in ("xargs", "tools", "worker", "engine")}
    head = ("round", "Sluis", "`xargs`, best", *_processes(found))
    told = (
        f"Processor time per plan: {cpu['xargs']} with `xargs`; with Sluis {cpu['tools']} for tofu, {cpu['worker']}\n"
        f"for the worker and {cpu['engine']} for the rest of the machine, which is engine and search. Without\n"
        f"that rest, which has cores of its own in production: {median(map(_own_share, rounds)):.2f} times `xargs`."
    )
    return f"{table(head, _plan_rows(found))}\n\n{told}"


def _own_share(cpu: Mapping[str, float]) -> float:
    """How many plans tofu and worker make in the processor time in which `xargs` makes one."""
    return cpu["xargs"] / (cpu["tools"] + cpu["worker"])


def _plan_rows(plans: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    for number, found in enumerate(plans["rounds"], start=1):
        each = [f"{seconds:.1f} s" for seconds in found["xargs_by_processes"].values()]
        yield str(number), f"{found['sluis']:.1f} s", f"{found['xargs']:.1f} s", *each


def _approval_rows(result: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    found = result["approvals"]
    memory, descriptors = found["memory_mb"], found["descriptors"]
    yield "memory of a worker", f"{memory['none']:.1f} MB", f"{memory['open']:.1f} MB"
    yield "its open files and sockets", f"{descriptors['none']:.0f}", f"{descriptors['open']:.0f}"
    yield "locks held", "0", str(found["locks_held"])


def _catalogue_rows(found: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    return [(f"`sluis {words}`", f"{seconds:.1f} s") for words, seconds in found["seconds"].items()]


def _logs(found: Mapping[str, Any]) -> str:
    rows = [(str(one["watchers"]), f"{one['cpu_share_of_one_core']:.1%}") for one in found["live"]]
    opened = (
        f"The end of a log of {found['long_log_bytes'] / 1e6:.0f} MB is there in {median(found['open_seconds']):.2f} s."
    )
    return f"{table(('watchers of one log', 'CPU of the worker, of one core'), rows)}\n\n{opened}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
