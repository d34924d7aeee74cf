// Copyright (C) OpenQoE
//
// Drives Chromium through sessions that each stall for another reason, and
// prints them as JSON, in the form of ../players/truth.js.  The argument is a
// JSON object:
//
//     chromium   path of the program
//     profile    an empty directory for the profile
//     sessions   [{ name, player, site, cut, mend }]: the URL of the nginx, one
//                port for each session, and the commands that make its media
//                late, and stop that

'use strict';

const { execFileSync } = require('child_process');

const { main } = require('../browser/main.js');
const { CmcdViewer } = require('./viewer.js');

const options = JSON.parse(process.argv[2]);

// What Viewer.stall() does.

const network = (session) => Object.fromEntries(['cut', 'mend'].map((what) =>
    [what, () => execFileSync(session[what][0], session[what].slice(1))]));

// Estimates need the requests after the stall.

async function scenario(viewer) {
    await viewer.play();
    await viewer.moves(3);
    await viewer.stall();
    await viewer.moves(5);
    await viewer.leave();
}


async function work(browser) {
    const viewers = await Promise.all(options.sessions.map(
        async (session) => {
            const viewer = await CmcdViewer.open({
                browser, ...session, mode: 'query',
                network: network(session),
            });

            await viewer.follow(scenario);
            return viewer;
        }));

    return { sessions: viewers.map((viewer) => viewer.session()) };
}

main(options, work);
