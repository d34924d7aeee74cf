// Copyright (C) OpenQoE
//
// What really happened on a page, from what its recorder saw (recorder.js):
// one object a video that was wished for.
//
//     startup_ms          from the wish to the first frame
//     startup_playing_ms  from the wish to the element's `playing`
//     stalls              [{ at_ms, ms, position_s }], without start and seeks
//     brief               how many of 150 to 350 ms there were, which may count
//                         as a stall or not
//     hiccups             stalls where the machine was too busy to play
//                         although there was data: no player can report those
//     playing_ms, paused_ms, seek_wait_ms, hiccup_ms
//     seeks, pauses       of the viewer: not the element's own at the end
//     ended               whether it played to its end
//
// Start-ups are null where no frame was shown.
//
// A position that moves is playing.  One that stands still is a stall if the
// element had nothing to play or the player had set its rate to 0.

'use strict';

const MIN_STALL = 250;
const BRIEF = [150, 350];
const OWN_PAUSE = 500;

function sample([at, position, paused, ended, seeking, ready, rate]) {
    return { at, position: position * 1000, paused, ended, seeking,
             starved: ready < 3 || rate === 0 };
}


// The times of one kind of event of the element.

function times(record, name, from, to) {
    return record.element.filter(([at, type]) =>
        type === name && at >= from && at < to).map(([at]) => at);
}


// Spans of time in which the video did one thing: { kind, at, ms, position,
// starved }. Where it begins or ceases to move between two samples, the growth
// of the position says how much of the time it moved.

function spans(samples) {
    const list = [];
    let seek = false;

    const add = (kind, a, at, ms, starved) => {
        const last = list[list.length - 1];

        if (last && last.kind === kind) {
            last.ms += ms;
            last.starved ||= starved;

        } else if (ms > 0) {
            list.push({ kind, at, ms, position: a.position, starved });
        }
    };

    for (let i = 1; i < samples.length; i++) {
        const [a, b] = [samples[i - 1], samples[i]];
        const ms = b.at - a.at;
        const growth = b.position - a.position;
        const starved = a.starved || b.starved;

        seek ||= a.seeking || b.seeking;

        if (a.paused || a.ended) {
            add(a.ended ? 'ended' : 'paused', a, a.at, ms, false);

        } else if (growth <= 0 || growth > ms * 2 + 500) {
            add(seek ? 'seek' : 'still', a, a.at, ms, starved);

        } else if (growth > ms * 0.8 || a.seeking) {
            add('playing', a, a.at, ms, false);
            seek = false;

        } else {
            // At rest before or after: the span belongs to its neighbour.
            const last = list[list.length - 1];
            const rest = seek ? 'seek' : 'still';

            if (last && last.kind === rest) {
                add(rest, a, a.at, ms - growth, starved);
                add('playing', a, b.at - growth, growth, false);

            } else {
                add('playing', a, a.at, growth, false);
                add(rest, a, a.at + growth, ms - growth, starved);
            }

            seek = false;
        }
    }

    return list;
}


// Spans that follow each other once short rests are part of the playing.

function joined(list) {
    const out = [];

    for (const span of list) {
        const last = out[out.length - 1];
        const kind = span.kind === 'still' && span.ms < MIN_STALL
                     && !span.starved ? 'playing' : span.kind;

        if (last && last.kind === kind) {
            last.ms += span.ms;
            last.starved ||= span.starved;

        } else {
            out.push({ ...span, kind });
        }
    }

    return out;
}


function viewOf(record, [wish, id], end) {
    const inside = ([at]) => at >= wish && at <= end;
    const first = record.frames.find((at) => at > wish && at < end);
    const [playing] = times(record, 'playing', wish, end);
    const endings = times(record, 'ended', wish, end);

    const truth = {
        video: id, startup_ms: null, startup_playing_ms: null, stalls: [],
        brief: 0, hiccups: [], playing_ms: 0, paused_ms: 0, seek_wait_ms: 0,
        hiccup_ms: 0, seeks: times(record, 'seeking', wish, end).length,
        pauses: 0, ended: endings.length > 0,
    };

    if (first === undefined || playing === undefined) {
        return truth;
    }

    truth.startup_ms = Math.round(first - wish);
    truth.startup_playing_ms = Math.round(playing - wish);

    const begin = Math.max(first, playing);
    const samples = record.samples.filter(inside).map(sample)
        .filter(({ at }) => at >= Math.min(first, playing));
    const list = joined(spans(samples));
    const sum = (kind) => Math.round(list.reduce(
        (total, span) => total + (span.kind === kind ? span.ms : 0), 0));

    truth.playing_ms = sum('playing');
    truth.paused_ms = sum('paused');
    truth.seek_wait_ms = sum('seek');
    truth.pauses = times(record, 'pause', begin, end).filter((at) =>
        !endings.some((ended) => Math.abs(ended - at) < OWN_PAUSE)).length;

    for (const span of list) {
        if (span.kind !== 'still' || span.at <= begin) {
            continue;
        }

        if (span.starved && span.ms >= BRIEF[0] && span.ms <= BRIEF[1]) {
            truth.brief++;
        }

        if (span.ms >= MIN_STALL) {
            (span.starved ? truth.stalls : truth.hiccups).push({
                at_ms: Math.round(span.at), ms: Math.round(span.ms),
                position_s: Math.round(span.position / 10) / 100,
            });
        }
    }

    truth.hiccup_ms = truth.hiccups.reduce((total, { ms }) => total + ms, 0);
    return truth;
}


// One truth for each wish of a record.

function truths(record) {
    const { wishes, samples } = record;
    const last = samples[samples.length - 1][0];

    return wishes.map((wish, i) =>
        viewOf(record, wish, i + 1 < wishes.length ? wishes[i + 1][0] : last));
}


// A session as it is kept for later: what was sent, what the element reported
// and what was true, times in ms since the page's begin.

function session(name, player, record) {
    const views = truths(record);
    const sum = (key) => views.reduce((total, v) => total + v[key], 0);

    return {
        player, scenario: name, actions: record.actions,
        truth: {
            startup_ms: views[0].startup_ms,
            startup_playing_ms: views[0].startup_playing_ms,
            stalls: views.flatMap(({ stalls }) => stalls),
            playing_ms: sum('playing_ms'), paused_ms: sum('paused_ms'),
            seek_wait_ms: sum('seek_wait_ms'), seeks: sum('seeks'),
            pauses: sum('pauses'), hiccup_ms: sum('hiccup_ms'),
            ended: views.some(({ ended }) => ended),
            dropped_frames: record.dropped, total_frames: record.shown,
        },
        views,
        wishes: record.wishes.map(([at, id]) => [Math.round(at), id]),
        element: record.element.map(([at, name, position]) =>
            `${name}@${Math.round(at)}/${position.toFixed(2)}`),
        events: record.sent.flatMap(({ at, events }) => events.map((event) => ({
            received_ms: Math.round(at),
            at_ms: Math.round(event.event_time - record.origin), event,
        }))),
        refused: record.refused, errors: record.errors,
    };
}


module.exports = { session, truths };
