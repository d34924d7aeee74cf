// Copyright (C) OpenQoE
//
// A page without a browser, for the reporter's test: a clock that stands still
// until it is turned, a media element whose state a test sets, a server whose
// answers it chooses.

'use strict';

const { setMaxListeners } = require('events');
const fs = require('fs');
const vm = require('vm');

setMaxListeners(100);


class World {

    // answer(events): { status, headers } or undefined, no connection
    constructor(script, answer = () => ({ status: 202 })) {
        this.time = 1.7e12;
        this.timers = new Map();
        this.serial = 0;
        this.posts = [];
        this.beacons = [];
        this.takes = () => true;
        this.answer = answer;
        this.document = Object.assign(new EventTarget(), { hidden: false });
        this.page = this.globals();
        vm.runInContext(fs.readFileSync(script, 'utf8'), this.page);
    }

    globals() {
        const window = new EventTarget();
        const clock = this.clock();

        return vm.createContext({
            // without AbortSignal.timeout, as in older browsers
            ...clock, AbortController, AbortSignal: {}, URL,
            document: this.document,
            Date: Object.assign(function () {}, { now: () => this.time }),
            performance: { now: () => this.time - 1.7e12 + 300,
                           getEntriesByType: () => [{ loadEventEnd: 200 }] },
            // as on a page without TLS
            crypto: { getRandomValues: (a) => crypto.getRandomValues(a) },
            fetch: (url, options) => this.fetch(url, options),
            navigator: {
                userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0'
                           + ' Safari/537.36 secret-device-name',
                sendBeacon: (url, body) => this.beacon(body),
            },
            addEventListener: (...args) => window.addEventListener(...args),
            dispatch: (event) => window.dispatchEvent(event),
        });
    }

    clock() {
        const set = (handler, ms, every) => {
            this.timers.set(++this.serial,
                            { at: this.time + (ms || 0), handler, every });
            return this.serial;
        };

        return {
            setTimeout: (handler, ms) => set(handler, ms, 0),
            setInterval: (handler, ms) => set(handler, ms, ms),
            clearTimeout: (id) => this.timers.delete(id),
            clearInterval: (id) => this.timers.delete(id),
        };
    }

    async fetch(url, { body, keepalive }) {
        const { events } = JSON.parse(body);
        const answer = this.answer(events, this.posts.length);

        this.posts.push({ at: this.time, events, keepalive,
                          bytes: body.length,
                          status: answer ? answer.status : 0 });

        if (!answer) {
            throw new TypeError('Failed to fetch');
        }

        return { status: answer.status,
                 headers: new Headers(answer.headers || {}) };
    }

    beacon(body) {
        const taken = this.takes();

        if (taken) {
            this.beacons.push({ at: this.time, bytes: body.length,
                                events: JSON.parse(body).events });
        }

        return taken;
    }

    // Lets time pass in steps; media that play move with it.
    async pass(ms, step = 50) {
        const end = this.time + ms;

        while (this.time < end) {
            this.time += step;

            for (const media of this.media || []) {
                media.move(step);
            }

            for (const [id, timer] of [...this.timers]) {
                if (timer.at <= this.time && this.timers.has(id)) {
                    timer.every ? timer.at = this.time + timer.every
                        : this.timers.delete(id);
                    timer.handler();
                }
            }

            // what a fetch does when it is answered
            for (let i = 0; i < 10; i++) {
                await null;
            }
        }
    }

    video(state) {
        const media = new Media(state);

        this.media = [...this.media || [], media];
        return media;
    }

    hide(hidden) {
        this.document.hidden = hidden;
        this.document.dispatchEvent(new Event('visibilitychange'));
    }

    leave() {
        this.page.dispatch(Object.assign(new Event('pagehide'),
                                         { persisted: false }));
    }

    // All that has reached the server, in the order of events.
    got() {
        return [...this.posts.filter(({ status }) => status === 202),
                ...this.beacons].flatMap(({ events }) => events);
    }

    types() {
        return this.got().map((event) => event.event_type);
    }
}


class Media extends EventTarget {

    constructor(state) {
        super();
        Object.assign(this, {
            currentTime: 0, duration: 100, paused: true, ended: false,
            seeking: false, readyState: 4, networkState: 1, playbackRate: 1,
            autoplay: false, preload: 'auto', error: null, data: true,
            currentSrc: 'https://cdn.example.com/a/video.mp4?token=secret#t=1',
            videoWidth: 640, videoHeight: 360, clientWidth: 800,
            clientHeight: 450, buffered: { length: 0 },
            played: { length: 1, start: () => 0, end: () => this.currentTime },
        }, state);
    }

    say(...names) {
        for (const name of names) {
            this.dispatchEvent(new Event(name));
        }
    }

    move(ms) {
        if (this.paused || this.ended || this.seeking || !this.data) {
            return;
        }

        this.currentTime = Math.min(this.duration, this.currentTime
                                    + ms / 1000 * this.playbackRate);

        if (this.currentTime === this.duration) {
            this.ended = this.paused = true;
            this.say('pause', 'ended');
        }
    }

    play() {
        if (this.ended) {
            this.currentTime = 0;
            this.ended = false;
        }

        this.paused = false;
        this.say('play');
    }

    pause() {
        this.paused = true;
        this.say('pause');
    }

    // Data are there, or not.
    feed(data) {
        this.data = data;
        this.readyState = data ? 4 : 2;
        this.say(data ? 'playing' : 'waiting');
    }

    seek(to) {
        this.currentTime = to;
        this.seeking = true;
        this.say('timeupdate', 'seeking');      // one may be under way
    }

    sought() {
        this.seeking = false;
        this.say('seeked');
    }
}


module.exports = { World };
