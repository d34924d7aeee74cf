// Copyright (C) OpenQoE
//
// What a viewer does in a page, whatever the player: the page has the media
// element and a recorder (recorder.js), in variables of its own, and its media
// come from a server whose network can be cut.

'use strict';

const { TIMEOUT, pause } = require('../browser/cdp.js');


class Viewer {

    // page of cdp.js, name, player, scenario; server with cut(name) and
    // mend(name); video and recorder are the names of the page's variables.
    constructor(fields) {
        Object.assign(this, { video: 'video', recorder: 'recorder' }, fields);
    }

    do(action, expression) {
        return this.page.evaluate(
            `${this.recorder}.action('${action}'), ${expression}`);
    }

    until(condition) {
        return this.page.until(condition, 2 * TIMEOUT);
    }

    // start() is the page's, and does what its viewer's click does.
    async play() {
        await this.do('play', 'void start()');
        await this.until(`!${this.video}.paused
                          && ${this.video}.currentTime > 1`);
    }

    async end() {
        await this.until(`${this.video}.ended`);
        await this.do('ended', '0');
    }

    // The network is cut until the video has waited for some seconds.
    async stall() {
        const at = await this.do('throttle', `${this.video}.currentTime`);

        this.server.cut(this.name);
        await this.until(`${this.video}.currentTime > ${at}
                          && ${this.recorder}.starving(2500)`);
        await this.do('unthrottle', '0');
        this.server.mend(this.name);
        await this.moves(1.5);
    }

    async pauseAndPlay() {
        await this.do('pause', `${this.video}.pause()`);
        await this.until(`${this.video}.paused`);
        await pause(3000);
        await this.do('resume', `void ${this.video}.play().catch(() => {})`);
        await this.moves(2);
    }

    async seek(to) {
        await this.do('seek', `(${this.video}.currentTime = ${to})`);
        await this.until(`!${this.video}.seeking
                          && ${this.video}.currentTime > ${to} + 1`);
    }

    // Waits until the video has played so many seconds more.
    async moves(seconds) {
        const at = await this.page.evaluate(`${this.video}.currentTime`);

        await this.until(`${this.video}.currentTime >= ${at + seconds}`);
    }

    // Does what the scenario says; an error names the state of the page.
    async follow(scenario) {
        await scenario(this).catch(async (error) => {
            const state = await this.page.evaluate(`({
                time: ${this.video}.currentTime,
                ready: ${this.video}.readyState, paused: ${this.video}.paused,
                ended: ${this.video}.ended, errors,
                error: ${this.video}.error && ${this.video}.error.message,
                actions: ${this.recorder}.actions })`).catch(String);

            throw new Error(`${this.name}: ${error.message}: `
                            + JSON.stringify(state));
        });
    }
}

module.exports = { Viewer };
