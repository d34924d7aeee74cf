// Copyright (C) OpenQoE
//
// As much of the Chrome DevTools Protocol as the browser test needs, over
// the browser's pipe.  Nothing is emulated: a hidden tab is hidden.

'use strict';

const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');

const TIMEOUT = 60000 * (Number(process.env.OPENQOE_SLOW) || 1);

const FLAGS = [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic',
    '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
    '--autoplay-policy=no-user-gesture-required', '--disable-dev-shm-usage',

    // else a page that is closed loses its last events where it has not handled
    // pagehide within 500 ms
    '--disable-hang-monitor',
];

// Where pages get files of npm packages from: name, version, file.
const PACKAGE = /^https:\/\/cdn\.jsdelivr\.net\/npm\/([\w.-]+)@[\d.]+\/(.+)$/;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));


class Browser {

    // options: chromium, the program; profile, a directory; spki, a public
    // key to trust, or absent
    static launch({ chromium, profile, spki }) {
        const args = [...FLAGS, `--user-data-dir=${profile}`];

        if (spki) {
            args.push(`--ignore-certificate-errors-spki-list=${spki}`);
        }

        return new Browser(chromium, [...args, 'about:blank']);
    }

    // The process stays in our process group, so that a signal that ends us
    // ends it too.
    constructor(program, args) {
        this.serial = 0;
        this.waiting = new Map();
        this.input = '';

        this.process = spawn(program, [...args, '--remote-debugging-pipe'], {
            stdio: ['ignore', 'ignore', process.env.OPENQOE_KEEP
                                        ? 'inherit' : 'ignore',
                    'pipe', 'pipe'],
        });
        this.process.on('error', (error) => this.failAll(error));
        this.process.on('exit', (status) =>
            this.failAll(new Error(`the browser left: ${status}`)));

        [, , , this.to, this.from] = this.process.stdio;
        this.to.on('error', () => {});
        this.from.setEncoding('utf8');
        this.from.on('data', (text) => this.receive(text));
    }

    failAll(error) {
        this.gone = error;

        for (const { reject } of this.waiting.values()) {
            reject(error);
        }

        this.waiting.clear();
    }

    receive(text) {
        const messages = (this.input + text).split('\0');
        this.input = messages.pop();

        for (const message of messages) {
            const { id, result, error, ...event } = JSON.parse(message);
            const call = this.waiting.get(id);

            if (event.method === 'Fetch.requestPaused') {
                this.package(event).catch(() => {});

            } else if (call) {
                this.waiting.delete(id);
                error ? call.reject(new Error(`${call.method}: `
                                              + error.message))
                      : call.resolve(result);
            }
        }
    }

    send(method, params = {}, sessionId = undefined) {
        if (this.gone) {
            return Promise.reject(this.gone);
        }

        return new Promise((resolve, reject) => {
            const id = ++this.serial;
            this.waiting.set(id, { method, resolve, reject });
            this.to.write(JSON.stringify({ id, method, params, sessionId })
                          + '\0');
        });
    }

    // A request for a file of a package gets the installed one.
    async package({ params, sessionId }) {
        const { requestId, request } = params;
        const [, name, file] = PACKAGE.exec(request.url);
        const body = fs.readFileSync(path.join(this.packages, name, file));

        await this.send('Fetch.fulfillRequest', {
            requestId, responseCode: 200, body: body.toString('base64'),
            responseHeaders: [
                { name: 'Access-Control-Allow-Origin', value: '*' },
                { name: 'Content-Type', value: file.endsWith('.css')
                    ? 'text/css' : 'text/javascript' },
            ],
        }, sessionId);
    }

    // more: other parameters of Target.createTarget
    async newPage(url, more = {}) {
        const { targetId } = await this.send('Target.createTarget',
                                             { url, ...more });
        const { sessionId } = await this.send('Target.attachToTarget',
                                              { targetId, flatten: true });

        return new Page(this, targetId, sessionId);
    }

    async close() {
        const left = new Promise((resolve) =>
            this.gone ? resolve() : this.process.on('exit', resolve));

        this.send('Browser.close').catch(() => {});
        await Promise.race([left, pause(5000)]);
        this.process.kill('SIGKILL');
    }
}


class Page {

    constructor(browser, targetId, sessionId) {
        this.browser = browser;
        this.targetId = targetId;
        this.sessionId = sessionId;
    }

    send(method, params) {
        return this.browser.send(method, params, this.sessionId);
    }

    // The value of an expression in the page; waits for a promise.
    async evaluate(expression) {
        const { result, exceptionDetails } = await this.send(
            'Runtime.evaluate',
            { expression, returnByValue: true, awaitPromise: true });

        if (exceptionDetails) {
            const { exception, text } = exceptionDetails;
            throw new Error(`${expression}: `
                            + (exception ? exception.description : text));
        }

        return result.value;
    }

    async until(condition, timeout = TIMEOUT) {
        const end = Date.now() + timeout;

        while (Date.now() < end) {
            const value = await this.evaluate(condition).catch(() => false);

            if (value) {
                return value;
            }

            await pause(30);
        }

        throw new Error(`not in time: ${condition}`);
    }

    async goto(url) {
        await this.send('Page.navigate', { url });
        await this.loaded(url);
    }

    loaded(url) {
        return this.until(`location.href === ${JSON.stringify(url)}
                           && document.readyState === 'complete'`);
    }

    // What the page asks of npm's CDN comes from a node_modules instead.
    fromPackages(directory) {
        this.browser.packages = directory;
        return this.send('Fetch.enable', { patterns: [
            { urlPattern: 'https://cdn.jsdelivr.net/npm/*' }] });
    }

    // Writes a PNG of what the window shows.
    async picture(file) {
        const { data } = await this.send('Page.captureScreenshot', {});

        fs.writeFileSync(file, Buffer.from(data, 'base64'));
    }

    bringToFront() {
        return this.browser.send('Target.activateTarget',
                                 { targetId: this.targetId });
    }

    // Closes the tab as a person does: the page gets pagehide.
    close() {
        return this.send('Page.close');
    }
}


module.exports = { Browser, TIMEOUT, pause };
