// Copyright (C) OpenQoE
//
// Drives Chromium through the sessions of the CMCD test and prints them as JSON,
// in the form of ../players/truth.js.  The argument is a JSON object:
//
//     chromium   path of the program
//     profile    an empty directory for the profile
//     port       of the pages and the media, which are served from here
//     site       URL of the nginx before that
//     media      their directory
//     lib        node_modules
//     slow       a directory: nginx sends the media of NAME slowly while it has
//                a file of that name

'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const { Browser } = require('../browser/cdp.js');
const { MediaServer } = require('../players/media.js');
const { truths } = require('../players/truth.js');
const { Viewer } = require('../players/viewer.js');

const options = JSON.parse(process.argv[2]);
const PLAYERS = ['hlsjs', 'dashjs', 'shaka'];
const SECONDS = 36;

const server = new MediaServer({ pages: path.dirname(__dirname),
                                 media: options.media, lib: options.lib,
                                 seconds: SECONDS });

// What Viewer.stall() does with the network of a session.

const network = {
    cut(name) { fs.writeFileSync(path.join(options.slow, name), ''); },
    mend(name) { fs.unlinkSync(path.join(options.slow, name)); },
};


class CmcdViewer extends Viewer {

    static async open(browser, player, mode) {
        const name = `${player}-${mode}`;
        const sid = crypto.randomUUID();
        const query = new URLSearchParams({
            name, player, mode, sid, media: `/media/${name}`,
            reports: `/reports/${name}`,
        });
        const url = `${options.site}/pages/cmcd/play.html?${query}`;
        const page = await browser.newPage(url, { newWindow: true });

        await page.loaded(url);
        await page.evaluate('ready');

        return new CmcdViewer({ page, name, player, mode, sid,
                                server: network });
    }

    async play() {
        await this.do('play', 'void start()');
        await this.until('!video.paused && video.currentTime > 1');
    }

    async end() {
        await this.until('video.ended');
        await this.do('ended', '0');
    }

    // What was recorded is taken before the page goes.
    async leave() {
        this.record = await this.page.evaluate('result()');
        await this.page.close();
    }
}


// By headers, the same keys come another way: a short session will do.

const SCENARIOS = {

    async query(viewer) {
        await viewer.play();
        await viewer.moves(3);
        await viewer.stall();
        await viewer.pauseAndPlay();
        await viewer.seek(24);
        await viewer.end();
        await viewer.leave();
    },

    async event(viewer) {
        await SCENARIOS.query(viewer);
    },

    async headers(viewer) {
        await viewer.play();
        await viewer.moves(3);
        await viewer.leave();
    },
};


async function run(browser, player, mode) {
    const viewer = await CmcdViewer.open(browser, player, mode);

    await viewer.follow(SCENARIOS[mode]);

    return viewer;
}


async function main() {
    await server.listen(options.port);

    const browser = Browser.launch(options);

    try {
        const viewers = [];

        for (const modes of [['query', 'headers'], ['event']]) {
            viewers.push(...await Promise.all(modes.flatMap((mode) =>
                PLAYERS.map((player) => run(browser, player, mode)))));
        }

        const { product } = await browser.send('Browser.getVersion');

        console.log(JSON.stringify({ product, sessions: viewers.map(
            ({ name, player, mode, sid, record }) =>
                ({ name, player, mode, sid, views: truths(record),
                   actions: record.actions, errors: record.errors,
                   wishes: record.wishes, element: record.element.map(
                       ([at, type, position]) => `${type}@${Math.round(at)}/`
                                                 + position.toFixed(2)),
                   events: [], fetched: record.fetched })) }));

    } finally {
        await browser.close();
        server.close();
    }
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
