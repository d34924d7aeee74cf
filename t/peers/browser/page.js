// Copyright (C) OpenQoE
//
// The page of the browser test: plays a stream and keeps in localStorage,
// which outlives the page, what the reporter handed to the browser.

'use strict';

const parameters = new URLSearchParams(location.search);
const video = document.querySelector('video');
const hls = new Hls({ startLevel: 0, maxBufferLength: 4,
                      testBandwidth: false, manifestLoadingMaxRetry: 0 });
const entries = [];

window.errors = [];
addEventListener('error', (e) => window.errors.push(e.message));
addEventListener('unhandledrejection', (e) =>
    window.errors.push(String(e.reason)));

function note(entry) {
    if (!entries.includes(entry)) {
        entries.push(entry);
    }

    localStorage.setItem(parameters.get('page'), JSON.stringify(entries));
}

window.reporter = new Reporter(video, hls, {
    endpoint: parameters.get('endpoint'),
    run: parameters.get('run'),
    first: Number(parameters.get('first')),
    beaconType: parameters.get('beacon'),
    note,
});

hls.loadSource(parameters.get('source'));
hls.attachMedia(video);
