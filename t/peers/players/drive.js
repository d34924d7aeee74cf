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

const { arrive } = require('../browser/arrive.js');
const { pause } = require('../browser/cdp.js');
const { inGroups, main } = require('../browser/main.js');
const { MediaServer } = require('./media.js');
const { session } = require('./truth.js');
const { Viewer } = require('./viewer.js');

const options = JSON.parse(process.argv[2]);
const PLAYERS = ['html5', 'hlsjs', 'dashjs', 'shaka'];

const site = `http://localhost:${options.port}`;
const server = new MediaServer({ pages: __dirname, media: options.media,
                                 lib: options.lib, seconds: 36 });


// A viewer's page, with a window of its own: a tab below another is hidden.

class PlayerViewer extends Viewer {

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

        return new PlayerViewer({ page, name, player, scenario, server });
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
    const viewer = await PlayerViewer.open(browser, player, scenario);

    await viewer.follow(SCENARIOS[scenario]);

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


async function work(browser) {
    const viewers = await inGroups(
        [['full'], ['next'], ['ready', 'never', 'missing']], PLAYERS,
        (player, scenario) => run(browser, player, scenario));

    const sessions = await collect(browser, viewers);

    await arrive(options.endpoint, sessions.reduce(
        (total, { events }) => total + events.length, 0));

    return { sessions };
}

main(options, work, server);
