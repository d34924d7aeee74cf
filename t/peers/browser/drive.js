// Copyright (C) OpenQoE
//
// Drives Chromium over the pages of the browser test and prints, as JSON,
// what they say they sent.  The argument is a JSON object:
//
//     chromium   path of the program
//     profile    an empty directory for the profile
//     site       origin of the pages
//     foreign    another origin with the same pages, which the endpoint
//                does not know
//     endpoint   URL that takes the events
//     run        prefix of the event ids
//     spki       base64 SHA-256 of a public key to trust in TLS, or absent

'use strict';

const { arrive } = require('./arrive.js');
const { main } = require('./main.js');

const options = JSON.parse(process.argv[2]);

const STATE = `({
    time: video.currentTime, paused: video.paused, ended: video.ended,
    width: video.videoWidth, level: hls.currentLevel,
    decoded: video.getVideoPlaybackQuality().totalVideoFrames,
    queued: reporter.queue.length, errors,
})`;

let serial = 0;


// The page called name, loaded; its events are numbered from a base of
// their own.

async function open(browser, name, parameters, site = options.site) {
    const query = new URLSearchParams({
        page: name, run: options.run, first: 10000 * serial++,
        endpoint: options.endpoint, source: 'media/master.m3u8',
        beacon: 'text/plain', ...parameters,
    });
    const url = `${site}/index.html?${query}`;
    const page = await browser.newPage(url);

    await page.loaded(url);
    return page;
}

// Waits for the answers to everything that was sent by fetch.

function settled(page) {
    return page.until(`reporter.queue.length === 0
                       && entries.every((e) => e.status !== 'sent')`);
}

// Another tab comes to the front: the page is hidden, then shown again.

async function hideAndShow(browser, page) {
    const other = await browser.newPage('about:blank');

    await other.bringToFront();
    await page.until(`document.visibilityState === 'hidden'`);
    await page.bringToFront();
    await page.until(`document.visibilityState === 'visible'`);
    await other.close();
}

// Plays from the first frame to the last, with a pause, a seek and a change of
// quality, then leaves by a link.

async function playAll(browser) {
    const page = await open(browser, 'all', {});

    await page.until('video.currentTime > 1.5');
    await hideAndShow(browser, page);
    await page.evaluate('video.pause()');
    await page.until('video.paused');
    await page.evaluate('video.volume = 0.5');
    await page.evaluate('video.play()');
    await page.until('!video.paused && !video.seeking');
    await page.evaluate('video.currentTime = 5.2');
    await page.until('!video.seeking && video.currentTime > 5.5');
    await page.until('video.ended');
    const state = await page.evaluate(STATE);
    await settled(page);

    await leave(page);
    return state;
}

function leave(page, site = options.site) {
    return page.goto(`${site}/blank.html`);
}

// The notes of a site's pages, by their names.

async function notes(page) {
    const stored = await page.evaluate('({ ...localStorage })');

    return Object.fromEntries(Object.entries(stored).map(
        ([name, entries]) => [name, JSON.parse(entries)]));
}

// Plays for some seconds, then leaves with events that have not been sent.

async function playSome(browser, name, parameters) {
    const page = await open(browser, name, parameters);

    await page.until('video.currentTime > 1');
    await settled(page);
    const state = await page.evaluate(`video.pause(), ${STATE}`);
    await leave(page);

    return state;
}

// As before, but the tab is closed.

async function closeTab(browser) {
    const page = await open(browser, 'closed', {});

    await page.until('video.currentTime > 0.5');
    await settled(page);
    const state = await page.evaluate(STATE);
    await page.close();

    return state;
}

// A stream that does not exist.

async function missing(browser) {
    const page = await open(browser, 'missing',
                            { source: 'media/missing.m3u8' });

    await page.until(`entries.some((e) => e.events.some(
                           ([, type]) => type === 'error'))`);
    await settled(page);
    const state = await page.evaluate(STATE);
    await leave(page);

    return state;
}

// A page of an origin that the endpoint does not know: what it sends by fetch
// fails at the preflight.  Returns its notes.

async function foreign(browser) {
    const page = await open(browser, 'foreign', {}, options.foreign);

    await page.until(`entries.some((e) => e.via === 'fetch'
                                          && e.status !== 'sent')`);
    await settled(page);
    await leave(page, options.foreign);

    return notes(page);
}

// How many events went out: what the foreign page tried by fetch did not.

function events(sent) {
    const out = Object.entries(sent).flatMap(([name, entries]) =>
        entries.filter(({ via }) => name !== 'foreign' || via !== 'fetch'));

    return out.reduce((total, entry) => total + entry.events.length, 0);
}

async function work(browser) {
    const states = {
        all: await playAll(browser),
        'json-beacon': await playSome(browser, 'json-beacon',
                                      { beacon: 'application/json' }),
        closed: await closeTab(browser),
        missing: await missing(browser),
    };

    const strange = await foreign(browser);

    const url = `${options.site}/blank.html`;
    const page = await browser.newPage(url);

    await page.loaded(url);

    // The tab that was closed notes its beacon when it goes.
    await page.until(`JSON.parse(localStorage.getItem('closed'))
        .some(({ via }) => via.startsWith('beacon'))`);

    const { cookies } = await browser.send('Storage.getCookies');
    const sent = { ...await notes(page), ...strange };

    await arrive(options.endpoint, events(sent));
    return { states, cookies, sent };
}

main(options, work);
