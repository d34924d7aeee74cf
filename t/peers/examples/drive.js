// Copyright (C) OpenQoE
//
// Drives Chromium through the pages of examples/ as a viewer does and prints
// the sessions as JSON, in the form of players/truth.js.  The players come
// from node_modules, in place of the CDN that the pages name; the truth comes
// from a recorder (players/recorder.js) that the pages know nothing of.  The
// argument is a JSON object:
//
//     chromium   path of the program
//     profile    an empty directory for the profile
//     port       of the pages and the clip, which are served from here
//     examples   their directory
//     media      a directory with the plain video
//     lib        node_modules
//     endpoint   URL that takes the events
//     pictures   a directory for screenshots, or absent

'use strict';

const fs = require('fs');
const path = require('path');

const { TIMEOUT, pause } = require('../browser/cdp.js');
const { inGroups, main } = require('../browser/main.js');
const { Site } = require('./server.js');
const { session } = require('../players/truth.js');
const { Viewer } = require('../players/viewer.js');

const options = JSON.parse(process.argv[2]);
const recorder = fs.readFileSync(path.join(__dirname,
                                           '../players/recorder.js'), 'utf8');

const site = `http://localhost:${options.port}`;
const server = new Site({ ...options, seconds: 36 });

// Buffers of some seconds, so that a cut network shows soon; set before the
// clip begins to come.
const PLAYERS = {
    video: '0',
    hlsjs: 'Object.assign(hls.config,'
           + ' { maxBufferLength: 4, maxMaxBufferLength: 4 })',
    dashjs: `dash.updateSettings({ streaming: { buffer: {
                bufferTimeDefault: 4, bufferTimeAtTopQuality: 4,
                bufferTimeAtTopQualityLongForm: 4 } } })`,
    shaka: `player.configure({ streaming: {
                bufferingGoal: 4, rebufferingGoal: 1 } })`,
    videojs: `Object.assign(videojs.Vhs, { GOAL_BUFFER_LENGTH: 4,
                MAX_GOAL_BUFFER_LENGTH: 4, BUFFER_LOW_WATER_LINE: 2,
                MAX_BUFFER_LOW_WATER_LINE: 2 })`,
};


// A viewer's page, with a window of its own: a tab below another is hidden.

class ExampleViewer extends Viewer {

    static async open(browser, player, scenario) {
        const name = `${player}-${scenario}`;
        const url = `${site}/${name}/${player}.html`;
        const page = await browser.newPage('about:blank', { newWindow: true });
        const viewer = new ExampleViewer({ page, name, player, scenario, server,
                                           video: 'media', recorder: 'truth' });

        server.cut(name);
        await page.send('Emulation.setDeviceMetricsOverride',
                        { width: 720, height: 600, deviceScaleFactor: 1,
                          mobile: false });
        await page.fromPackages(options.lib);
        await page.goto(url);
        await page.evaluate(recorder + `
            ;var errors = [];
            addEventListener('error', (e) => errors.push(e.message));
            var truth = new Recorder(document.querySelector('video'));
            var media = truth.video;
            addEventListener('pagehide', () => localStorage.setItem('${name}',
                JSON.stringify({ ...truth.record(), errors,
                    size: [media.videoWidth, media.videoHeight] })));`);
        await page.evaluate(`void (${PLAYERS[player]})`);
        return viewer;
    }

    // The viewer clicks while nothing has come yet, and waits.
    async play() {
        await this.do('play', `truth.wish('clip'),
                               void media.play().catch(() => {})`);
        await pause(800);
        server.mend(this.name);
        await this.until('!media.paused && media.currentTime > 1');
    }

    // VHS gives a request up after 3 s, and stays stuck then.
    async stall() {
        if (this.player === 'videojs') {
            await this.page.evaluate(`player.tech(true).vhs
                .playlistController_.requestOptions_.timeout = 0`);
        }

        await super.stall();
    }

    async picture() {
        if (options.pictures) {
            await this.page.picture(path.join(options.pictures,
                                              `example-${this.player}.png`));
        }
    }

    // Closes the tab as a person does.  The page keeps what it recorded when it
    // goes, for it plays until then.
    async close() {
        await this.do('close', '0');
        await this.page.close();
    }
}


const SCENARIOS = {

    // A click, a stall, a pause, a seek, the end.
    async full(viewer) {
        await viewer.play();
        await viewer.moves(4);
        await viewer.stall();
        await viewer.pauseAndPlay();
        await viewer.seek(28);
        await viewer.until('media.ended');
        await viewer.close();
    },

    // The tab is closed in the middle.
    async closed(viewer) {
        await viewer.play();
        await viewer.moves(4);
        await viewer.picture();
        await viewer.close();
    },

    // A clip that is a 404, and a viewer who gives up.
    async missing(viewer) {
        server.mend(viewer.name);
        await viewer.do('play', `truth.wish('clip'),
                                 void media.play().catch(() => {})`);
        await pause(4000);
        await viewer.close();
    },
};


async function run(browser, player, scenario) {
    const viewer = await ExampleViewer.open(browser, player, scenario);

    await viewer.follow(SCENARIOS[scenario]);

    return viewer;
}


// What the pages recorded, once all of them have gone away.  Any file of the
// site has their storage.

async function collect(browser, viewers) {
    const page = await browser.newPage(`${site}/any/openqoe-reporter.js`);
    const names = JSON.stringify(viewers.map(({ name }) => name));

    await page.until(`${names}.every((name) => localStorage.getItem(name))`);
    const stored = await page.evaluate('({ ...localStorage })');

    for (const viewer of viewers) {
        viewer.record = JSON.parse(stored[viewer.name]);
    }
}


// Whether the last event of a page has been posted.

function arrived({ name, scenario }) {
    const last = scenario === 'full' ? 'ended' : 'playbackdetached';

    return (server.sent.get(name) || []).some(({ events }) =>
        events.some(({ event_type }) => event_type === last));
}


// A session as truth.js has it, with what the pages posted.

function told({ name, player, scenario, record }) {
    const sent = (server.sent.get(name) || []).map(({ at, ...batch }) =>
        ({ ...batch, at: at - record.origin }));

    return { name, size: record.size,
             types: sent.map(({ type }) => type),
             ...session(scenario, player, { ...record, sent, refused:
                 sent.filter(({ status }) => status !== 202).length }) };
}


async function work(browser) {
    const viewers = await inGroups([['full'], ['closed', 'missing']],
        Object.keys(PLAYERS),
        (player, scenario) => run(browser, player, scenario));

    // The beacons of the last pages are under way when the pages have gone.
    const end = Date.now() + TIMEOUT;

    while (Date.now() < end && !viewers.every(arrived)) {
        await pause(50);
    }

    await collect(browser, viewers);
    return { sessions: viewers.map(told) };
}

main(options, work, server);
