// Copyright (C) OpenQoE
//
// Drives Chromium over the first page as a newcomer does, and prints what was
// seen as JSON.  The argument is a JSON object:
//
//     chromium   path of the program
//     profile    an empty directory for the profile
//     page       URL of the first page
//     picture    a file for a screenshot, or absent

'use strict';

const { Browser, TIMEOUT, pause } = require('../browser/cdp.js');

const options = JSON.parse(process.argv[2]);

const WATCH = `
    window.seen = { errors: [], refused: [] };
    addEventListener('error', (e) => seen.errors.push(e.message));
    addEventListener('unhandledrejection',
                     (e) => seen.errors.push(String(e.reason)));
    addEventListener('securitypolicyviolation',
                     (e) => seen.refused.push(e.blockedURI));`;

// What a tile of the live page says, '' while it says nothing.
const tile = (id) => `(document.getElementById('live').contentDocument
    .querySelector('#tile-${id} .now')?.textContent || '').trim()`;

// How many events of a type the page has posted.
const posted = (type) => `[...document.querySelectorAll('#events b')]
    .filter((b) => b.textContent === '${type}').length`;


async function main() {
    const browser = Browser.launch(options);

    try {
        const page = await browser.newPage('about:blank', { newWindow: true });
        const until = (condition) => page.until(condition, 3 * TIMEOUT);
        const click = (id) => page.evaluate(
            `void document.getElementById('${id}').click()`);

        await page.send('Emulation.setDeviceMetricsOverride',
                        { width: 1366, height: 860, deviceScaleFactor: 1,
                          mobile: false });
        await page.send('Page.enable');
        await page.send('Page.addScriptToEvaluateOnNewDocument',
                        { source: WATCH });
        await page.goto(options.page);

        // Without a click.
        await until('video.currentTime > 2 && !video.paused');
        await until(`${tile('watched')} === '1'`);

        await click('throttle');
        await until(`${posted('stallstart')} === 2`);
        await click('throttle');
        await until(`${posted('stallend')} === 2`);
        await until(`/[1-9]/.test(${tile('rebuffer')})`);

        await click('seek');
        await until(`${posted('seek')} === 1`);
        await pause(1500);

        if (options.picture) {
            await page.picture(options.picture);
        }

        await click('fail');
        await until(`${posted('error')} === 1`);
        const failed = await page.evaluate(
            `document.getElementById('state').textContent`);

        await click('again');
        await until(`${posted('canplay')} === 2`);

        // What was posted has been answered.
        await pause(1500);

        // The first play is over, and the second one may not be summed up yet.
        const watched = await until(`(${tile('watched')} === '1') && '1'`);

        console.log(JSON.stringify(await page.evaluate(`({
            ...seen, failed: ${JSON.stringify(failed)},
            watched: ${watched},
            hosts: [...new Set(performance.getEntriesByType('resource')
                .map(({ name }) => new URL(name).host))],
        })`)));

    } finally {
        await browser.close();
    }
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
