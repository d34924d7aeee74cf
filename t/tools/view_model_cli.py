#!/usr/bin/env python3
"""Reads what t/tools/view_cli.c reads, and prints the same totals as far as
t/view_model.py knows them: the oracle's answer to the same events.

Each organisation is a run of the model of its own, so its sessions must not
depend on those of others.  Ticks are ignored: the model looks at silence when
something is received, and at the end.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..'))
import view_model  # noqa: E402


OUTCOMES = ('completed', 'played', 'exit_before_start', 'startup_failure',
            'playback_failure')


def totals(views):
    """What view_cli prints of an organisation's views."""
    stalls = [x['ms'] for v in views for x in v.stalls]
    startups = [v.startup for v in views if v.startup is not None]
    aggregates = [v.aggregate for v in views if v.aggregate is not None]
    started = [v for v in views if v.started]
    row = dict(started=len(started), over=len(views))
    for outcome in OUTCOMES:
        row[outcome] = sum(v.outcome == outcome for v in views)
    row.update(
        views_completed=sum(v.completed for v in views),
        exits=row['exit_before_start'] + row['startup_failure'],
        continued=sum(v.continued for v in views),
        playing_s=sum(v.playing for v in views) / 1000,
        watch_s=sum(max(v.watch, v.playing) for v in views) / 1000,
        rebuffers=len(stalls), rebuffer_count=len(stalls),
        rebuffer_ms=sum(stalls), rebuffer_min_ms=min(stalls, default=0),
        rebuffer_max_ms=max(stalls, default=0),
        startups=len(startups), startup_ms=sum(startups),
        aggregates=len(aggregates), aggregate_ms=sum(aggregates),
        ratio=sum(ratio(v) for v in started), ratios=sum(
            1 for v in started if v.playing or v.stalls),
        pauses=sum(v.pauses for v in views))
    return row


def ratio(view):
    """The stalled share of the time that a view played or stalled."""
    stalled = sum(x['ms'] for x in view.stalls)
    return stalled / (stalled + view.playing) if stalled else 0


def finish(orgs):
    for org in sorted(orgs):
        row = dict(org_id=org, events=sum(len(es) for _, es in orgs[org]))
        row.update(totals(view_model.run(orgs[org])))
        print(json.dumps(row, separators=(',', ':')))
    print('{"end":0,"evicted":0}', flush=True)


def main():
    orgs = {}
    for line in sys.stdin:
        d = json.loads(line)
        if 'received' in d:
            batch = {}
            for e in d['events']:
                batch.setdefault(e['org_id'], []).append(
                    view_model.norm(e, e['event_time']))
            for org, events in batch.items():
                orgs.setdefault(org, []).append((d['received'], events))
        elif 'reset' in d:
            finish(orgs)
            orgs = {}
    if orgs:
        finish(orgs)


if __name__ == '__main__':
    main()
