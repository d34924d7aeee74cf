// Copyright (C) OpenQoE
//
// Posts events as the published SDK 1.2.0 does: a batch when ten wait or 5 s
// after the first of them, what is left when the page goes by sendBeacon.
// The ids of a view stay over a change of the video.  What is reported, and
// when, is the work of an adapter (adapters.js).

'use strict';

/* exported Reporter */

const BATCH_SIZE = 10;
const BATCH_WAIT = 5000;

class Reporter {

    // options: endpoint, org, player (player_id), sent(batch), called for
    // every batch that was handed to the browser
    constructor(options) {
        this.options = options;
        this.queue = [];
        this.timer = null;
        this.flying = 0;
        this.refused = 0;
        this.player = {};
        this.video = {};
        this.ids = { view_id: crypto.randomUUID(),
                     session_id: crypto.randomUUID(),
                     viewer_id: crypto.randomUUID() };

        // In this order a closed tab sends two beacons.
        addEventListener('pagehide', () => this.beacon());
        document.addEventListener('visibilitychange', () =>
            this.visibility(document.visibilityState));
    }

    // The position is in ms, undefined for the types that are sent without
    // one.
    report(type, data, position) {
        const now = Date.now();

        this.queue.push({
            event_type: type,
            event_time: now,
            viewer_time: now,
            playback_time: position,
            org_id: this.options.org,
            player_id: this.options.player,
            ...this.ids,
            env: 'test',
            app_name: 'players',
            app_version: '1',
            device: { category: 'desktop' },
            os: { family: 'Linux' },
            browser: { family: 'Chrome',
                       version: (navigator.userAgent.match(
                           /Chrome\/(\d+)/) || [])[1] },
            player: this.player,
            network: {},
            video: this.video,
            data,
        });

        if (this.queue.length >= BATCH_SIZE) {
            this.flush();

        } else if (this.timer === null) {
            this.timer = setTimeout(() => this.flush(), BATCH_WAIT);
        }
    }

    // The events that wait, as a body.
    take(via) {
        const events = this.queue;

        clearTimeout(this.timer);
        this.timer = null;
        this.queue = [];

        this.options.sent({ at: performance.now(), via, events });
        return JSON.stringify({ events });
    }

    async flush() {
        if (this.queue.length === 0) {
            return;
        }

        this.flying++;

        try {
            const response = await fetch(this.options.endpoint, {
                method: 'POST',
                keepalive: true,
                headers: { 'Content-Type': 'application/json' },
                body: this.take('fetch'),
            });

            this.refused += response.status !== 202;

        } catch {
            this.refused++;
        }

        this.flying--;
    }

    beacon() {
        if (this.queue.length) {
            const body = this.take('beacon');
            this.refused += !navigator.sendBeacon(this.options.endpoint, body);
        }
    }

    visibility(state) {
        if (!this.adapter) {
            return;
        }

        this.report(state === 'hidden' ? 'moveaway' : 'moveback', {},
                    this.adapter.position());

        if (state === 'hidden') {
            this.beacon();
        }
    }

    // Another player or another video.
    attach(adapter, video) {
        if (this.adapter) {
            this.adapter.detach();
        }

        this.adapter = adapter;
        this.video = video;
        this.player = adapter.description();
        adapter.listen();
    }
}
