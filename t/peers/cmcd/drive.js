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

const fs = require('fs');
const path = require('path');

const { main } = require('../browser/main.js');
const { MediaServer } = require('../players/media.js');
const { CmcdViewer } = require('./viewer.js');

const options = JSON.parse(process.argv[2]);
const PLAYERS = ['hlsjs', 'dashjs', 'shaka'];
const OLDER = ['hlsjs15', 'dashjs4', 'shaka4'];

// What runs at a time: [player, mode].
const cross = (players, modes) =>
    modes.flatMap((mode) => players.map((player) => [player, mode]));
const ROUNDS = [
    cross(PLAYERS, ['query', 'headers']),
    cross(PLAYERS, ['event']),
    cross(OLDER, ['query']),
];

const SECONDS = 36;
const ATTEMPTS = 2;

const server = new MediaServer({ pages: path.dirname(__dirname),
                                 media: options.media, lib: options.lib,
                                 seconds: SECONDS });

// What Viewer.stall() does with the network of a session.

const network = {
    cut(name) { fs.writeFileSync(path.join(options.slow, name), ''); },
    mend(name) { fs.unlinkSync(path.join(options.slow, name)); },
};


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


// A session for which the machine had too little time is recorded anew, but for
// those of older versions; the last one stands.

async function run(browser, player, mode) {
    const attempts = OLDER.includes(player) ? 1 : ATTEMPTS;
    let viewer;

    for (let attempt = 1; attempt <= attempts; attempt++) {
        viewer = await CmcdViewer.open({
            browser, site: options.site, player, mode, network,
            name: `${player}-${mode}-${attempt}`,
        });

        await viewer.follow(SCENARIOS[mode]);

        if (!viewer.starved()) {
            break;
        }
    }

    return viewer;
}


async function work(browser) {
    const viewers = [];

    for (const round of ROUNDS) {
        viewers.push(...await Promise.all(round.map(([player, mode]) =>
            run(browser, player, mode))));
    }

    return { sessions: viewers.map((viewer) => viewer.session()) };
}

main(options, work, server);
