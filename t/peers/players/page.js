// Copyright (C) OpenQoE
//
// The page of the player test: a viewer's video with one of the players, the
// reporter and, apart from both, the recorder.  What was recorded and sent
// is left in localStorage when the page goes, which outlives the page.

'use strict';

const parameters = new URLSearchParams(location.search);
const video = document.querySelector('video');
const recorder = new Recorder(video);
const errors = [];
const sent = [];

addEventListener('error', (e) => errors.push(e.message));
addEventListener('unhandledrejection', (e) => errors.push(String(e.reason)));

const reporter = new Reporter({
    endpoint: parameters.get('endpoint'),
    org: parameters.get('org'),
    player: parameters.get('name'),
    sent: (batch) => sent.push(batch),
});

// Registered after the reporter's listeners, so that the last beacon is
// included.
for (const [target, name] of [[window, 'pagehide'],
                              [document, 'visibilitychange']]) {
    target.addEventListener(name, () => localStorage.setItem(
        parameters.get('name'),
        JSON.stringify({ ...recorder.record(), sent, errors,
                         refused: reporter.refused })));
}

// A buffer of some seconds, so that a cut network shows soon.

const PLAYERS = {
    html5: {
        source: 'plain.mp4',
        load(url, attach) {
            attach(new Html5Adapter(reporter, video));
            video.src = url;
        },
    },

    hlsjs: {
        script: 'lib/hls.js/dist/hls.min.js',
        source: 'master.m3u8',
        load(url, attach) {
            const old = this.hls;

            this.hls = new Hls({ startLevel: 0, maxBufferLength: 4,
                                 maxMaxBufferLength: 4,
                                 testBandwidth: false });

            if (old) {
                reporter.video = describe();
                old.destroy();
            }

            this.hls.attachMedia(video);
            attach(new HlsAdapter(reporter, video, this.hls));
            this.hls.loadSource(url);
        },
    },

    dashjs: {
        script: 'lib/dashjs/dist/modern/umd/dash.all.min.js',
        source: 'manifest.mpd',
        load(url, attach) {
            if (!this.dash) {
                this.dash = dashjs.MediaPlayer().create();
                this.dash.initialize(video, null, false);
                this.dash.updateSettings({ streaming: { buffer: {
                    bufferTimeDefault: 4, bufferTimeAtTopQuality: 4,
                    bufferTimeAtTopQualityLongForm: 4,
                } } });
            }

            attach(new DashAdapter(reporter, video, this.dash));
            this.dash.attachSource(url);
        },
    },

    shaka: {
        script: 'lib/shaka-player/dist/shaka-player.compiled.js',
        source: 'manifest.mpd',
        async load(url, attach) {
            if (!this.player) {
                const retryParameters = { timeout: 0, stallTimeout: 0,
                                          connectionTimeout: 0 };

                this.player = new shaka.Player();
                this.player.configure({
                    manifest: { retryParameters },
                    streaming: { bufferingGoal: 4, rebufferingGoal: 1,
                                 retryParameters },
                });
                await this.player.attach(video);

            } else {
                // A load() would unload later, and undo the play().
                await this.player.unload();
            }

            attach(new ShakaAdapter(reporter, video, this.player));
            this.player.load(url).catch(() => {});
        },
    },
};

const player = PLAYERS[parameters.get('player')];
let serial = 0;

function describe() {
    return { id: `${parameters.get('name')}-${serial}`, title: 'A test',
             series: 'Tests', duration: 36000 };
}

// Makes the next video ready, which it is for some time before a click.

let loaded = null;

function prepare() {
    const source = parameters.get('source') || player.source;
    const url = `${parameters.get('media')}/${source}?n=${++serial}`;

    loaded = Promise.resolve(player.load(url, (adapter) =>
        reporter.attach(adapter, describe())));
    return loaded;
}

// The viewer clicks on the video.

async function start() {   // eslint-disable-line no-unused-vars
    recorder.wish(`${parameters.get('name')}-${serial + !loaded}`);
    await (loaded || prepare());
    loaded = null;
    play(video);
}

// Whether the viewer's wish is so old.

function wanted(ms) {   // eslint-disable-line no-unused-vars
    const wish = recorder.wishes.at(-1);

    return wish && performance.now() - wish[0] > ms;
}

window.ready = player.script ? load(player.script) : Promise.resolve();
