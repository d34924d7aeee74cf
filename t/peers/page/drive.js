// Copyright (C) OpenQoE
//
// Takes Chromium over the live page and prints what it finds, as JSON.  The
// argument is a JSON object:
//
//     chromium   path of the program
//     profile    an empty directory for the profile
//     url        address of the page
//     steps      list of steps, each a list: its name and arguments (below)
//     axe        path of axe.min.js

'use strict';

const fs = require('fs');
const { main } = require('../browser/main.js');

const options = JSON.parse(process.argv[2]);
const found = {};

// Before any script of the page: what goes wrong there.
const WATCH = `window.faults = [];
    addEventListener('error', (e) => faults.push('error: ' + e.message));
    addEventListener('unhandledrejection',
                     (e) => faults.push('rejection: ' + e.reason));
    addEventListener('securitypolicyviolation',
                     (e) => faults.push('policy: ' + e.blockedURI));`;

const steps = {

    // The window: its size, whether it is a phone's, the colours wanted.
    window: async (page, width, height, mobile, colours) => {
        await page.send('Emulation.setDeviceMetricsOverride',
                        { width, height, mobile: !!mobile,
                          deviceScaleFactor: mobile ? 2 : 1 });
        await page.send('Emulation.setEmulatedMedia', { features: [
            { name: 'prefers-color-scheme', value: colours || 'light' }] });
    },

    load: async (page, url) => {
        await page.send('Page.navigate', { url: url || options.url });
        await page.until(`document.readyState === 'complete'`);
    },

    until: (page, condition) => page.until(condition),

    note: async (page, name, expression) => {
        found[name] = await page.evaluate(expression);
    },

    key: async (page, key, code) => {
        for (const type of ['keyDown', 'keyUp']) {
            await page.send('Input.dispatchKeyEvent', {
                type, key, code: key, windowsVirtualKeyCode: code,
                text: key === 'Enter' && type === 'keyDown' ? '\r' : undefined,
            });
        }
    },

    // The pointer, in the middle of an element.
    point: async (page, selector) => {
        const [x, y] = await page.evaluate(
            `((r) => [r.x + r.width / 2, r.y + r.height / 2])(document
                .querySelector('${selector}').getBoundingClientRect())`);
        await page.send('Input.dispatchMouseEvent',
                        { type: 'mouseMoved', x: x - 20, y });
        await page.send('Input.dispatchMouseEvent',
                        { type: 'mouseMoved', x, y });
    },

    type: (page, text) => page.send('Input.insertText', { text }),

    shot: async (page, file, whole) => {
        const { data } = await page.send('Page.captureScreenshot', {
            format: 'png', captureBeyondViewport: !!whole });
        fs.writeFileSync(file, Buffer.from(data, 'base64'));
    },

    // What axe-core finds, but for what it only wants to be looked at.
    axe: async (page, name) => {
        await page.evaluate(fs.readFileSync(options.axe, 'utf8'));
        found[name] = await page.evaluate(`axe.run().then((r) =>
            r.violations.map((v) => ({ id: v.id, impact: v.impact,
                nodes: v.nodes.map((n) => n.html.slice(0, 200)
                                          + ' ' + n.failureSummary) })))`);
    },
};

async function work(browser) {
    const page = await browser.newPage('about:blank');

    await page.send('Page.enable', {});
    await page.send('Page.addScriptToEvaluateOnNewDocument',
                    { source: WATCH });

    for (const [name, ...rest] of options.steps) {
        await steps[name](page, ...rest);
    }

    return { ...found, faults: await page.evaluate('window.faults') };
}

main(options, work);
