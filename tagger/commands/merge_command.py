"""`merge`: tags that say the same become the most direct one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..captions import same_tag, typed_tags
from ..edit import plan
from ..folder import Dataset
from ..merge import Proposal, Rule, merge_edit, proposals, read_rules, rule_of
from ..query import matching
from .command_line import add_command, relative, say
from .planned_changes import add_dry_run, carry_out, opened


def add(commands: Any) -> None:
    parser = add_command(commands, "merge", run_merge, "merge tags that say the same: of boots and red boots, red boots stays")
    parser.add_argument("--filter", default="", metavar="QUERY", help="only captions for which this holds (edit --help)")
    parser.add_argument("--map", type=Path, metavar="FILE", help="your own rules: lines `old, other -> new` or `a + b -> new`")
    parser.add_argument("--rule", action="append", default=[], metavar="RULE", help="one such rule")
    parser.add_argument("--no_implications", action="store_true", help="your own rules alone")
    parser.add_argument(
        "--reject", action="append", default=[], metavar="RULE", help="a merge that is not to be done: `old -> new`"
    )
    parser.add_argument("--protect", type=typed_tags, default=[], metavar="A,B", help="tags that never go away")
    parser.add_argument("--keep_first", type=int, default=0, metavar="N", help="tags at the front that never go away")
    parser.add_argument(
        "--preview", action="store_true", help="list the merges with counts and example pictures; change nothing"
    )
    parser.add_argument("--suggest", action="store_true", help="list merges that the pictures suggest; change nothing")
    parser.add_argument("--suggest_all", action="store_true", help="also of tags that name different things")
    add_dry_run(parser)


def run_merge(asked: argparse.Namespace) -> int:
    rules = [*(read_rules(asked.map) if asked.map else []), *map(rule_of, asked.rule)]
    changes = not (asked.preview or asked.suggest or asked.suggest_all)
    dataset = opened(asked, changes)
    chosen = matching(dataset.entries, asked.filter)
    implications = not asked.no_implications
    if asked.suggest or asked.suggest_all:
        from ..suggestions import suggested

        return _list(asked, dataset, suggested(chosen, asked.protect, asked.suggest_all))
    if asked.preview:
        return _list(asked, dataset, proposals(chosen, rules, implications, asked.protect, asked.keep_first))
    edit = merge_edit(rules, implications, asked.protect, asked.keep_first, {_key(text) for text in asked.reject})
    return carry_out(asked, dataset, plan(chosen, [edit]), "merged tags", len(chosen))


def _key(text: str) -> str:
    rule: Rule = rule_of(text)
    return f"{' + '.join(map(same_tag, rule.olds))} -> {same_tag(rule.new)}"


def _list(asked: argparse.Namespace, dataset: Dataset, found: list[Proposal]) -> int:
    content = [
        {
            "rule": one.key,
            "source": one.source,
            "captions": one.count,
            **one.numbers,
            "examples": [relative(path, dataset.folder) for path in one.examples],
        }
        for one in found
    ]
    lines = []
    for one in found:
        numbers = f"  ({_told(one.numbers)})" if one.numbers else ""
        examples = ", ".join(relative(path, dataset.folder) for path in one.examples[:3])
        lines.append(f"{one.count:6d}  {one.key}  [{one.source}]{numbers}  {examples}")
    say(asked, {"merges": content}, lines or ["There is nothing to merge."])
    return 0


def _told(numbers: dict[str, float]) -> str:
    share = f"{100 * numbers['with_kept']:.0f} % of {numbers['gone']:.0f}"
    return f"{share} come with it, {numbers['lift']:.1f} times as often as by chance"
