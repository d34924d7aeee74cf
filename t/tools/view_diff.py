#!/usr/bin/env python3
"""Usage: view_diff.py VIEW_CLI SEED SESSIONS

Plays random sessions (view_random.py) through the module's machine and through
the model (t/view_model.py), and prints one JSON object: how many sessions and
events there were, and what was found wrong, by kind, a text each:

    model       machine and model differ: with a listing that was made short
    batches     other batches of the same events gave other numbers
    truth       what really happened is not what was counted
    identity    numbers of one organisation contradict each other
"""
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..'))
import view_model           # noqa: E402
import view_model_cli       # noqa: E402
import view_random          # noqa: E402

START = 1800000000000
GROUP = 40                  # sessions that share a zone
LISTED = 3                  # differences that are made short
COUNTS = ('started', 'over', 'completed', 'played', 'exit_before_start',
          'startup_failure', 'playback_failure', 'views_completed', 'exits',
          'continued', 'rebuffers', 'startups', 'aggregates', 'pauses')
TIMES = dict(playing_s=0.5, rebuffer_ms=300, startup_ms=100,
             aggregate_ms=100)


def cli(path, lines):
    """Totals by organisation."""
    out = subprocess.run([path], input='\n'.join(lines) + '\n', check=True,
                         stdout=subprocess.PIPE, text=True)
    rows = {}
    for text in out.stdout.splitlines():
        d = json.loads(text)
        if 'org_id' in d:
            rows[d['org_id']] = d
        elif d['evicted']:
            sys.exit('the zone has no room for %d sessions' % GROUP)
    return rows


def play(path, sessions, batches):
    lines = []
    for i in range(0, len(sessions), GROUP):
        group = [(received, view_random.line(received, batch, START))
                 for s in sessions[i:i + GROUP]
                 for received, batch in batches[s.org]]
        group.sort(key=lambda x: x[0])
        lines += [text for _, text in group] + ['{"reset":1}']
    return cli(path, lines)


def model(batches):
    return view_model_cli.totals(view_model.run(
        [(received, [view_model.norm(e, at) for at, e in batch])
         for received, batch in batches]))


def differences(a, b, times):
    found = {k: (a[k], b[k]) for k in COUNTS if a[k] != b[k]}
    found.update({k: (a[k], b[k]) for k in times
                  if abs(a[k] - b[k]) > times[k]})
    return found


def shorten(path, session, batches, found):
    """Fewer events that still differ in the same, by about as much."""
    items = [(received, at, e) for received, batch in batches
             for at, e in batch]

    def differs(some):
        cut = [(received, [(at, e)]) for received, at, e in some]
        row = cli(path, [view_random.line(r, b, START) for r, b in cut])
        now = differences(model(cut), row[session.org], TIMES)
        return all(k in now and abs(now[k][0] - now[k][1])
                   >= 0.5 * abs(found[k][0] - found[k][1]) for k in found)

    size = len(items)
    while size > 1:
        size = max(1, size // 2)
        i = 0
        while i < len(items):
            rest = items[:i] + items[i + size:]
            if rest and differs(rest):
                items = rest
            else:
                i += size
    return sorted(items, key=lambda x: x[1])


def listing(session, items, found):
    lines = ['seed %d, %s (model, machine)' % (
        session.seed, ', '.join('%s %s' % (k, found[k]) for k in found))]
    for received, at, e in items:
        lines.append('  +%d @%d %s %s %s%s %s' % (
            at, received, e['event_type'], e['view_id'], e['video']['id'],
            ' @%s' % e['playback_time'] if 'playback_time' in e else '',
            json.dumps(e['data'])))
    return '\n'.join(lines)


def against_model(path, sessions, batches, rows):
    texts, short = [], 0
    for s in sessions:
        found = differences(model(batches[s.org]), rows[s.org], TIMES)
        if not found:
            continue
        if short < LISTED:
            items = shorten(path, s, batches[s.org], found)
            texts.append(listing(s, items, found))
            short += 1
        else:
            texts.append(listing(s, [], found))
    return texts


def against_batches(sessions, rows, others):
    texts = []
    times = dict(playing_s=0.005, rebuffer_ms=5, startup_ms=5, aggregate_ms=5,
                 watch_s=0.005)
    for s in sessions:
        for other in others:
            found = differences(rows[s.org], other[s.org], times)
            if found:
                texts.append('seed %d: %s' % (s.seed, found))
                break
    return texts


def against_truth(sessions, rows):
    texts = []
    for s in sessions:
        if not s.sure:
            continue
        row, plays, wrong = rows[s.org], s.plays(), []
        started = [p for p in plays if p.started]
        stalls = [x for p in plays for x in p.stalls]
        startups = [p.startup for p in started if p.startup is not None]
        want = dict(started=len(started), over=len(plays),
                    rebuffers=len(stalls), startups=len(startups),
                    pauses=sum(p.pauses for p in plays))
        for o in view_model_cli.OUTCOMES:
            want[o] = sum(p.outcome == o for p in plays)
        for k in want:
            if row[k] != want[k]:
                wrong.append('%s %d, not %d' % (k, row[k], want[k]))
        for k, now, sum_ms, share, ms in (
                ('playing', row['playing_s'] * 1000,
                 sum(p.playing for p in plays), 0.05, 600),
                ('stalled', row['rebuffer_ms'], sum(stalls), 0.12,
                 400 + 250 * len(stalls)),
                ('startup', row['startup_ms'], sum(startups), 0.2, 250)):
            if abs(now - sum_ms) > max(share * sum_ms, ms):
                wrong.append('%s %d, not %d' % (k, now, sum_ms))
        if wrong:
            texts.append('seed %d: %s' % (s.seed, '; '.join(wrong)))
    return texts


def identities(sessions, rows):
    texts = []
    for s in sessions:
        r, spans = rows[s.org], {}
        for at, e in s.events:
            first, last = spans.get(e['view_id'], (at, at))
            spans[e['view_id']] = (min(first, at), max(last, at))
        wall = sum(last - first for first, last in spans.values()) / 1000
        stalled = r['rebuffer_ms'] / 1000
        began = r['completed'] + r['played'] + r['playback_failure']
        whole = began + r['exit_before_start'] + r['startup_failure']
        for claim, true in (
                ('each started view is over once', r['started'] == began),
                ('each view has one outcome', r['over'] == whole),
                ('playing is at most wall time', r['playing_s'] <= wall
                 + 0.001),
                ('watch time is at least playing time',
                 r['watch_s'] >= r['playing_s'] - 0.001),
                ('every rebuffer has a duration',
                 r['rebuffers'] == r['rebuffer_count']),
                ('no rebuffer is under 250 ms', not r['rebuffers']
                 or r['rebuffer_min_ms'] >= 250),
                ('no more startups than views',
                 r['startups'] <= r['started']),
                ('an aggregate for each startup',
                 r['aggregates'] == r['startups']
                 and r['aggregate_ms'] >= r['startup_ms'] - 0.01),
                ('the ratio is that of its parts', r['started'] != 1
                 or stalled + r['playing_s'] == 0
                 or abs(r['ratio'] - stalled / (stalled + r['playing_s']))
                 < 0.001),
                ('no view is on at the end', r['concurrent'] == 0)):
            if not true:
                texts.append('seed %d: not so that %s' % (s.seed, claim))
    return texts


def main():
    path, seed, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sessions = [view_random.Session(seed + i) for i in range(n)]
    batches = {s.org: s.batches(random.Random(s.seed)) for s in sessions}
    rows = play(path, sessions, batches)
    alone = {s.org: s.batches(random.Random(s.seed + 1), most_ms=0, twice=0)
             for s in sessions}
    large = {s.org: s.batches(random.Random(s.seed + 2), most_ms=20000,
                              twice=0.5) for s in sessions}
    others = [play(path, sessions, x) for x in (alone, large)]
    print(json.dumps(dict(
        sessions=n, sure=sum(s.sure for s in sessions),
        events=sum(len(s.events) for s in sessions),
        views=sum(int(r['over']) for r in rows.values()),
        model=against_model(path, sessions, batches, rows),
        batches=against_batches(sessions, rows, others),
        truth=against_truth(sessions, rows),
        identity=identities(sessions, rows))))


if __name__ == '__main__':
    main()
