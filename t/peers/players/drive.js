// Copyright (C) OpenQoE
//
// Drives Chromium through the sessions of the player test and prints them as
// JSON, in the form of truth.js.  The argument is a JSON object:
//
//     chromium   path of the program
//     profile    an empty directory for the profile
//     port       of the pages and the media, which are served from here
//     media      their directory
//     lib        node_modules
//     endpoint   URL that takes the events
//     org        org_id of all of them

'use strict';

const { Browser, TIMEOUT, pause } = require('../browser/cdp.js');
const { MediaServer } = require('./media.js');
const { session } = require('./truth.js');

const options = JSON.parse(process.argv[2]);
const PLAYERS = ['html5', 'hlsjs', 'dashjs', 'shaka'];

const site = `http://localhost:${options.port}`;
const server = new MediaServer({ pages: __dirname, media: options.media,
                                 lib: options.lib, seconds: 36 });


// A viewer's page, with a window of its own: a tab below another is hidden.

class Viewer {

    static async open(browser, player, scenario) {
        const name = `${player}-${scenario}`;
        const query = new URLSearchParams({
            name, player, org: options.org, endpoint: options.endpoint,
            media: `${site}/media/${name}`,
            ...scenario === 'missing' && { source: 'missing' },
        });
        const url = `${site}/play.html?${query}`;
        const page = await browser.newPage(url, { newWindow: true });

        await page.loaded(url);
        await page.evaluate('ready');

        return Object.assign(new Viewer(), { page, name, player, scenario });
    }

    do(action, expression) {
        return this.page.evaluate(
            `recorder.action('${action}'), ${expression}`);
    }

    until(condition) {
        return this.page.until(condition, 2 * TIMEOUT);
    }

    async play() {
        await this.do('play', 'void start()');
        await this.until('!video.paused && video.currentTime > 1');
    }

    // The network is cut until the video has waited for some seconds.
    async stall() {
        const at = await this.do('throttle', 'video.currentTime');

        server.cut(this.name);
        await this.until(`video.currentTime > ${at} && recorder.starving(2500)`);
        await this.do('unthrottle', '0');
        server.mend(this.name);
        await this.moves(1.5);
    }

    async pauseAndPlay() {
        await this.do('pause', 'video.pause()');
        await this.until('video.paused');
        await pause(3000);
        await this.do('resume', 'video.play().catch(() => {})');
        await this.moves(2);
    }

    async seek(to) {
        await this.do('seek', `(video.currentTime = ${to})`);
        await this.until(`!video.seeking && video.currentTime > ${to} + 1`);
    }

    // Waits until the video has played so many seconds more.
    async moves(seconds) {
        const at = await this.page.evaluate('video.currentTime');

        await this.until(`video.currentTime >= ${at + seconds}`);
    }

    async end() {
        await this.until('video.ended');
        await this.do('ended', '0');
    }

    // Waits until everything has been sent; what the page recorded is kept
    // when it goes away.
    async leave() {
        await this.until('reporter.queue.length === 0'
                         + ' && reporter.flying === 0');
        await this.page.close();
    }

    // Closes the tab with events that have not been sent.
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
        await viewer.seek(24);
        await viewer.end();
        await viewer.leave();
    },

    // A video to its end, then another with the same reporter, then the tab is
    // closed in the middle of it.
    async next(viewer) {
        await viewer.play();
        await viewer.moves(2);
        await viewer.seek(30);
        await viewer.end();
        await pause(1000);
        await viewer.do('next', 'void start()');
        await viewer.until('!video.ended && video.currentTime > 0'
                           + ' && video.currentTime < 20');
        await viewer.moves(13);
        await viewer.close();
    },

    // Ready some seconds before the click, and closed soon after it.
    async ready(viewer) {
        await viewer.do('prepare', 'void prepare()');
        await viewer.until('video.readyState === 4');
        await pause(2500);
        await viewer.play();
        await viewer.moves(4);
        await viewer.close();
    },

    // A network that is down from the begin, and a viewer who gives up.
    async never(viewer) {
        server.cut(viewer.name);
        await viewer.do('play', 'void start()');
        await viewer.until('wanted(3000)');
        await viewer.close();
    },

    // A source that is a 404.
    async missing(viewer) {
        await viewer.do('play', 'void start()');
        await viewer.until('wanted(3000)');
        await viewer.close();
    },
};


async function run(browser, player, scenario) {
    const viewer = await Viewer.open(browser, player, scenario);

    await SCENARIOS[scenario](viewer).catch(async (error) => {
        const state = await viewer.page.evaluate(`({
            time: video.currentTime, ready: video.readyState,
            paused: video.paused, ended: video.ended, errors,
            actions: recorder.actions })`).catch(String);

        throw new Error(`${viewer.name}: ${error.message}: `
                        + JSON.stringify(state));
    });

    return viewer;
}


// What the pages recorded, once all of them have gone away.

async function collect(browser, viewers) {
    const url = `${site}/blank.html`;
    const page = await browser.newPage(url);
    const keys = viewers.map(({ name }) => `'${name}'`);

    await page.until(`[${keys}].every((key) => localStorage.getItem(key))`);
    const stored = await page.evaluate('({ ...localStorage })');

    return viewers.map(({ name, player, scenario }) =>
        ({ name, ...session(scenario, player, JSON.parse(stored[name])) }));
}


async function main() {
    await server.listen(options.port);

    const browser = Browser.launch(options);

    try {
        const viewers = [];

        for (const scenarios of [['full'], ['next'],
                                 ['ready', 'never', 'missing']]) {
            viewers.push(...await Promise.all(scenarios.flatMap((scenario) =>
                PLAYERS.map((player) => run(browser, player, scenario)))));
        }

        // The beacons of the last pages are still under way.
        await pause(500);

        const { product } = await browser.send('Browser.getVersion');
        const sessions = await collect(browser, viewers);

        console.log(JSON.stringify({ product, sessions }));

    } finally {
        await browser.close();
        server.close();
    }
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
