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


// Whether a page has posted such an event.

function posted({ name }, such) {
    return (server.sent.get(name) || []).some(({ events }) => events.some(such));
}

// Waits for that; what does not come is for the test to find.

async function inTime(condition) {
    const end = Date.now() + 2 * TIMEOUT;

    while (Date.now() < end && !condition()) {
        await pause(50);
    }
}


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
            var media = truth.video; 0`);
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

    // Closes the tab as a person does, and keeps what the page recorded.
    async close() {
        await this.do('close', '0');
        this.record = await this.page.evaluate(
            `({ ...truth.record(), errors,
            size: [media.videoWidth, media.videoHeight] })`);
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
        await inTime(() => posted(viewer, ({ event_type, data }) =>
            event_type === 'error' && data.fatal));
        await viewer.close();
    },
};


async function run(browser, player, scenario) {
    const viewer = await ExampleViewer.open(browser, player, scenario);

    await viewer.follow(SCENARIOS[scenario]);

    return viewer;
}


// Whether the last event of a page has been posted.

function arrived(viewer) {
    const last = viewer.scenario === 'full' ? 'ended' : 'playbackdetached';

    return posted(viewer, ({ event_type }) => event_type === last);
}


// A session as truth.js has it, with what the pages posted.

function told({ name, player, scenario, record }) {
    const sent = (server.sent.get(name) || []).map(({ at, ...batch }) =>
        ({ ...batch, at: at - record.origin }));

    const known = session(scenario, player, { ...record, sent, refused:
        sent.filter(({ status }) => status !== 202).length });
    const view = known.views.at(-1);

    // On a busy machine a page that was recorded plays on before it is closed.
    if (!view.ended) {
        view.hiccup_ms += Math.max(0, ...known.events.map(({ at_ms }) =>
            at_ms - record.samples.at(-1)[0]));
    }

    return { name, size: record.size, types: sent.map(({ type }) => type),
             ...known };
}


async function work(browser) {
    const viewers = await inGroups([['full'], ['closed', 'missing']],
        Object.keys(PLAYERS),
        (player, scenario) => run(browser, player, scenario));

    // The beacons of the last pages are under way when the pages have gone.
    await inTime(() => viewers.every(arrived));
    return { sessions: viewers.map(told) };
}

main(options, work, server);
