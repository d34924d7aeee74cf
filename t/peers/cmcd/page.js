// Copyright (C) OpenQoE
//
// The page of the CMCD test: a video with one of the players, whose own CMCD is
// turned on, and the recorder.  No reporter: what the module knows, it knows
// from CMCD alone.  The parameters:
//
//     player   hlsjs, dashjs, shaka, or an older version of one of them:
//              hlsjs15, dashjs4, shaka4
//     mode     query, headers or event
//     media    path of the media
//     sid      session id; the content id is "content-1"
//     reports  path that takes the reports of event mode

'use strict';

const parameters = Object.fromEntries(new URLSearchParams(location.search));
const video = document.querySelector('video');
const recorder = new Recorder(video);
const errors = [];

addEventListener('error', (e) => errors.push(e.message));
addEventListener('unhandledrejection', (e) => errors.push(String(e.reason)));
performance.setResourceTimingBufferSize(5000);

const CID = 'content-1';
const VERSION_2 = parameters.mode === 'event' ? 2 : 1;

// All keys and events: dash.js sends no keys of reports unless they are named.

const EVENTS = ['abs', 'abe', 'ae', 'as', 'b', 'bc', 'c', 'ce', 'e', 'h', 'm',
                'pc', 'pe', 'pr', 'ps', 'rr', 'sk', 't', 'um'];
const KEYS = ['ab', 'bg', 'bl', 'br', 'bs', 'bsa', 'bsd', 'bsda', 'cen', 'cid',
              'cs', 'd', 'dfa', 'dl', 'e', 'ec', 'h', 'lab', 'lb', 'ltc', 'msd',
              'mtp', 'nor', 'nr', 'ot', 'pb', 'pr', 'pt', 'rc', 'rtp', 'sf',
              'sid', 'sn', 'st', 'sta', 'su', 'tab', 'tb', 'tbl', 'tpb', 'ts',
              'ttfb', 'ttfbb', 'ttlb', 'url', 'v'];

// more: what a player needs beside that.

function targets(more = {}) {
    return parameters.mode === 'event' ? { eventTargets: [{
        url: new URL(parameters.reports, location).href, events: EVENTS,
        interval: 5, batchSize: 1, ...more,
    }] } : {};
}

// A buffer of some seconds and one rendition, so that a slow network shows soon
// and the machine has little to decode.

const PLAYERS = {
    hlsjs: {
        script: 'hls.js/dist/hls.min.js',
        source: 'master.m3u8',
        load(url) {
            const hls = new Hls({
                startLevel: 0, maxBufferLength: 4, maxMaxBufferLength: 4,
                testBandwidth: false, cmcd: {
                    sessionId: parameters.sid, contentId: CID,
                    useHeaders: parameters.mode === 'headers',
                    version: VERSION_2, ...targets(),
                },
            });

            hls.autoLevelCapping = 0;
            hls.attachMedia(video);
            hls.loadSource(url);
        },
    },

    dashjs: {
        script: 'dashjs/dist/modern/umd/dash.all.min.js',
        source: 'manifest.mpd',
        load(url) {
            const player = dashjs.MediaPlayer().create();

            player.initialize(video, null, false);
            player.updateSettings({ streaming: {
                buffer: { bufferTimeDefault: 4, bufferTimeAtTopQuality: 4,
                          bufferTimeAtTopQualityLongForm: 4 },
                abr: { maxBitrate: { video: 500 } },
                cmcd: {
                    enabled: true, sid: parameters.sid, cid: CID,
                    version: VERSION_2, enabledKeys: KEYS,
                    mode: parameters.mode === 'headers' ? 'headers' : 'query',
                    ...targets({ enabled: true, enabledKeys: KEYS,
                                 includeInRequests: ['segment', 'mpd'] }),
                },
            } });
            player.attachSource(url);
        },
    },

    // The release build of 5.2.12 sends neither sta nor reports of states: its
    // compiler has renamed that key.  The debug build does.
    shaka: {
        script: parameters.mode === 'event'
            ? 'shaka-player/dist/shaka-player.compiled.debug.js'
            : 'shaka-player/dist/shaka-player.compiled.js',
        source: 'manifest.mpd',
        async load(url) {
            const retryParameters = { timeout: 0, stallTimeout: 0,
                                      connectionTimeout: 0 };
            const player = new shaka.Player();

            player.configure({
                manifest: { retryParameters },
                restrictions: { maxHeight: 200 },
                streaming: { bufferingGoal: 4, rebufferingGoal: 1,
                             retryParameters },
                cmcd: {
                    enabled: true, sessionId: parameters.sid, contentId: CID,
                    useHeaders: parameters.mode === 'headers',
                    version: VERSION_2,
                    ...targets({ enabled: true, includeKeys: [] }),
                },
            });
            await player.attach(video);
            await player.load(url);
        },
    },
};

// Older versions have request mode of version 1 alone.

PLAYERS.hlsjs15 = { ...PLAYERS.hlsjs, script: 'hls.js-1.5/dist/hls.min.js' };

PLAYERS.dashjs4 = {
    script: 'dashjs-4/dist/dash.all.min.js',
    source: 'manifest.mpd',
    load(url) {
        const player = dashjs.MediaPlayer().create();

        player.initialize(video, null, false);
        player.updateSettings({ streaming: {
            buffer: { stableBufferTime: 4, bufferTimeAtTopQuality: 4,
                      bufferTimeAtTopQualityLongForm: 4 },
            abr: { maxBitrate: { video: 500 } },
            cmcd: { enabled: true, sid: parameters.sid, cid: CID,
                    mode: 'query' },
        } });
        player.attachSource(url);
    },
};

PLAYERS.shaka4 = {
    script: 'shaka-player-4/dist/shaka-player.compiled.js',
    source: 'manifest.mpd',
    async load(url) {
        const retryParameters = { timeout: 0, stallTimeout: 0,
                                  connectionTimeout: 0 };
        const player = new shaka.Player();

        player.configure({
            manifest: { retryParameters },
            restrictions: { maxHeight: 200 },
            streaming: { bufferingGoal: 4, rebufferingGoal: 1,
                         retryParameters },
            cmcd: { enabled: true, sessionId: parameters.sid,
                    contentId: CID },
        });
        await player.attach(video);
        await player.load(url);
    },
};

const player = PLAYERS[parameters.player];

// The viewer clicks on the video.

async function start() {   // eslint-disable-line no-unused-vars
    recorder.wish(parameters.name);
    await player.load(new URL(`${parameters.media}/${player.source}`,
                              location).href);
    play(video);
}

// What the page knows at the end: the record, the media that it fetched, and
// when the player reported something for the first time.

function result() {   // eslint-disable-line no-unused-vars
    const entries = performance.getEntriesByType('resource')
        .map(({ name, startTime }) => [new URL(name).pathname, startTime]);
    const of = (prefix) => entries.filter(([path]) => path.startsWith(prefix));

    return { ...recorder.record(), errors,
             fetched: of(parameters.media).map(([path]) => path),
             reported: of(parameters.reports).map(([, at]) => at).at(0) };
}

window.ready = load(`/lib/${player.script}`);
