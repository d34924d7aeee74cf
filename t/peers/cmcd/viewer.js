// Copyright (C) OpenQoE
//
// A viewer of the CMCD pages (page.js), and the session as tests read it.

'use strict';

const crypto = require('crypto');

const { truths } = require('../players/truth.js');
const { Viewer } = require('../players/viewer.js');

// Estimates are right within more than that, in ms.
const LAG = 400;


class CmcdViewer extends Viewer {

    // Opens the page on the site; network is what Viewer.stall() cuts and
    // mends.
    static async open({ browser, site, player, mode, name, network }) {
        const sid = crypto.randomUUID();
        const query = new URLSearchParams({
            name, player, mode, sid, media: `/media/${name}`,
            reports: `/reports/${name}`,
        });
        const url = `${site}/pages/cmcd/play.html?${query}`;
        const page = await browser.newPage(url, { newWindow: true });

        await page.loaded(url);
        await page.evaluate('ready');

        return new CmcdViewer({ page, name, player, mode, sid,
                                server: network });
    }

    // What was recorded is taken before the page goes.
    async leave() {
        this.record = await this.page.evaluate('result()');
        await this.page.close();
    }

    // The longest time for which the page did not run: its samples are due
    // every 100 ms.
    lag() {
        const at = this.record.samples.map(([ms]) => ms);

        return Math.max(...at.slice(1).map((ms, i) => ms - at[i])) - 100;
    }

    // How much longer than the media that it played, in ms, the video took to
    // play them: the clock of a busy machine's sound is slow, and what is in the
    // buffer lasts longer than the player says.
    drag() {
        const { samples } = this.record;
        const slow = samples.slice(1).map(([at, position, ...state], i) => {
            const ms = at - samples[i][0];
            const growth = (position - samples[i][1]) * 1000;
            const [paused, ended, seeking] = state;

            return paused || ended || seeking || growth < ms / 2 ? 0
                                                                 : ms - growth;
        });

        return slow.reduce((sum, ms) => sum + ms, 0);
    }

    // Whether the machine had too little time for the page to play as a player
    // does, whatever the requests say.
    starved() {
        return this.lag() > LAG || this.drag() > LAG
               || truths(this.record).some((view) => view.hiccup_ms > LAG);
    }

    session() {
        const { name, player, mode, sid, record } = this;

        return { name, player, mode, sid, views: truths(record),
                 lag_ms: Math.round(this.lag()),
                 drag_ms: Math.round(this.drag()),
                 actions: record.actions, errors: record.errors,
                 wishes: record.wishes, element: record.element.map(
                     ([at, type, position]) => `${type}@${Math.round(at)}/`
                                               + position.toFixed(2)),
                 events: record.reported === undefined ? []
                     : [{ at_ms: Math.round(record.reported),
                          event: { event_type: 'report',
                                   video: { id: name } } }],
                 starved: this.starved(), fetched: record.fetched };
    }
}


module.exports = { CmcdViewer };
