// Copyright (C) OpenQoE
//
// What the drivers of Chromium have in common: the browser, and the server of
// the pages if there is one, live as long as the work, whose result is printed
// as JSON.

'use strict';

const { Browser } = require('./cdp.js');


// options: those of Browser.launch(), and the server's port; work(browser)
// returns an object, which is printed with the browser's name and version.

async function drive(options, work, server) {
    if (server) {
        await server.listen(options.port);
    }

    const browser = Browser.launch(options);

    try {
        const { product } = await browser.send('Browser.getVersion');

        console.log(JSON.stringify({ product, ...await work(browser) }));

    } finally {
        await browser.close();

        if (server) {
            server.close();
        }
    }
}


function main(options, work, server) {
    drive(options, work, server).catch((error) => {
        console.error(error);
        process.exitCode = 1;
    });
}


// What run(player, scenario) returns for each player in each scenario: the
// groups of scenarios one after another, all of a group at once.

async function inGroups(groups, players, run) {
    const done = [];

    for (const scenarios of groups) {
        done.push(...await Promise.all(scenarios.flatMap((scenario) =>
            players.map((player) => run(player, scenario)))));
    }

    return done;
}


module.exports = { inGroups, main };
