// Copyright (C) OpenQoE
//
// The first page: a clip in Media Source Extensions, fetched segment by segment
// with CMCD over a network that can be made slow or broken, the reporter, and
// the live page of the module beside it.

'use strict';

const AHEAD = 4;                // seconds of the clip that are kept ready
const SLOW = 3;                 // a slow network takes so many times as long

const $ = (id) => document.getElementById(id);
const video = $('video');
let known = [];                 // the renditions, once they are
const network = { slow: false, broken: false };
// crypto.randomUUID() is missing on pages without TLS.
const session_id = crypto.randomUUID?.()
    ?? [...crypto.getRandomValues(new Uint32Array(4))].join('-');

const qoe = OpenQoE({ endpoint: '/v2/events', org_id: 'demo', session_id,
                      player_id: 'first-page', interval: 500 });
const view = qoe.watch(video, {
    video: { id: 'clip', title: 'A clock' }, player: { name: 'first-page' },
    cdn: { provider: 'this-nginx' },
    engine: () => known.map(({ bandwidth, width, height }) =>
        [bandwidth, width, height]),
});


// The renditions of the HLS manifest: { bandwidth, width, height, url, init,
// segments, seconds }, with segments as { from, to (bytes), start (s) }.

async function renditions() {
    const master = await text('clip/master.m3u8');
    const list = [...master.matchAll(
        /BANDWIDTH=(\d+),RESOLUTION=(\d+)x(\d+).*\n(.+)/g)];

    return Promise.all(list.map(async ([, bandwidth, width, height, name]) => {
        const playlist = await text(`clip/${name}`);
        const [, length] = /MAP:.*BYTERANGE="(\d+)@0"/.exec(playlist);
        const each = /EXTINF:([\d.]+),\n.*BYTERANGE:(\d+)@(\d+)\n(.+)/g;
        const segments = [];
        let start = 0;
        let url;

        for (const [, seconds, size, from, file] of playlist.matchAll(each)) {
            segments.push({ from: +from, to: +from + +size - 1, start });
            start += +seconds;
            url = `clip/${file}`;
        }

        return { bandwidth: +bandwidth, width: +width, height: +height, url,
                 segments, seconds: start,
                 init: { from: 0, to: length - 1 } };
    }));
}


async function text(url) {
    return (await fetch(url)).text();
}


// The query that players with CMCD add to each request for media: the session,
// and what only the player knows.  Its session_id is that of the events.

function cmcd(keys) {
    const set = { cid: '"clip"', sid: `"${session_id}"`, sf: 'h', st: 'v',
                  ...keys };
    const items = Object.entries(set).filter(([, value]) => value !== false)
        .map(([key, value]) => value === true ? key : `${key}=${value}`);

    return `?CMCD=${encodeURIComponent(items.sort().join())}`;
}


async function bytes(url, { from, to }, keys) {
    const answer = await fetch((network.broken ? `${url}.missing` : url)
                               + cmcd(keys),
                               { headers: { Range: `bytes=${from}-${to}` } });

    if (!answer.ok) {
        throw { family: 'network', code: answer.status,
                message: `${answer.status} for a segment` };
    }

    return answer.arrayBuffer();
}


const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function append(buffer, data) {
    return new Promise((resolve, reject) => {
        buffer.onupdateend = resolve;
        buffer.onerror = reject;
        buffer.appendBuffer(data);
    });
}


// How many seconds of the clip are ready at a position.

function ready() {
    const { buffered, currentTime } = video;

    for (let i = 0; i < buffered.length; i++) {
        if (buffered.start(i) <= currentTime + 0.1
            && currentTime < buffered.end(i)) {
            return buffered.end(i) - currentTime;
        }
    }

    return 0;
}


// Fetches what the position needs until the clip ends, or another play begins.

async function feed(list, source, buffer, current) {
    let shown = null;

    while (current() && source.readyState !== 'closed') {
        const at = video.currentTime + ready();
        const last = at >= list[0].seconds - 0.1;

        if (ready() >= AHEAD || last) {
            last && source.readyState === 'open' && source.endOfStream();
            await pause(100);
            continue;
        }

        const rendition = list[network.slow ? 0 : list.length - 1];
        const segment = rendition.segments.findLast(
            ({ start }) => start <= at + 0.01);
        const begin = performance.now();

        if (rendition !== shown) {
            await append(buffer, await bytes(rendition.url, rendition.init,
                                             { ot: 'i' }));
            shown = rendition;
        }

        const data = await bytes(rendition.url, segment, {
            ot: 'v', br: Math.round(rendition.bandwidth / 1000), d: 2000,
            tb: Math.round(list.at(-1).bandwidth / 1000),
            bl: 100 * Math.round(10 * ready()), su: video.readyState < 3,
        });

        // Segments are of 2 s: on a slow network each takes longer to come.
        while (network.slow && current()
               && performance.now() - begin < 2000 * SLOW) {
            await pause(100);
        }

        current() && await append(buffer, data);
    }
}


let plays = 0;

async function play() {
    const play = ++plays;
    const source = new MediaSource();

    network.broken = false;
    plays > 1 && view.next();
    video.src = URL.createObjectURL(source);
    video.play().catch(() => {});
    await new Promise((resolve) => { source.onsourceopen = resolve; });

    try {
        const list = known = await renditions();
        const buffer = source.addSourceBuffer(
            'video/mp4; codecs="avc1.4d401f"');

        source.duration = list[0].seconds;
        await feed(list, source, buffer, () => play === plays);

    } catch (error) {
        if (play === plays) {
            view.error(error);
            video.pause();
            say(`The play failed: ${error.message}.`);
        }
    }
}


function say(words) {
    $('state').textContent = words;
}

function slow(on) {
    network.slow = on;
    $('throttle').setAttribute('aria-pressed', on);
}

$('throttle').onclick = () => slow(!network.slow);
$('seek').onclick = () => {
    video.currentTime = video.currentTime + 15 < video.duration
        ? video.currentTime + 15 : 0;
};
$('fail').onclick = () => { network.broken = true; };
$('again').onclick = play;

const words = {
    playing: 'It plays.', waiting: 'It waits for the network.',
    seeking: 'It seeks.', pause: 'It is paused.', ended: 'It played to its end.',
};

for (const name in words) {
    video.addEventListener(name, () => network.broken && name === 'pause'
                                       || say(words[name]));
}


// What the reporter posts, the last first.

const post = window.fetch;

window.fetch = (url, options = {}) => {
    if (options.body) {
        for (const event of JSON.parse(options.body).events) {
            const line = document.createElement('li');
            const time = new Date(event.event_time).toISOString().slice(11, 23);
            const data = Object.entries(event.data || {})
                .filter(([key, value]) => value !== null
                                          && !/^(player_[wh]|device_)/.test(key))
                .map(([key, value]) => `${key} ${value}`).join(', ');

            for (const [tag, words] of [['time', time],
                                        ['b', event.event_type],
                                        ['span', data]]) {
                const part = document.createElement(tag);

                part.textContent = words;
                line.append(part, ' ');
            }

            $('events').prepend(line);
        }

        while ($('events').children.length > 100) {
            $('events').lastChild.remove();
        }
    }

    return post(url, options);
};

play();
