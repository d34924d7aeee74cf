// Copyright (C) OpenQoE
//
// The origin of the pages and the media of the player test.  Each session
// has a path of its own for its media, whose network can be cut: what is on
// its way stops, what is asked for waits.

'use strict';

const fs = require('fs');
const http = require('http');
const { once } = require('events');
const path = require('path');

const { pause } = require('../browser/cdp.js');

const TYPES = { '.html': 'text/html', '.js': 'text/javascript',
                '.css': 'text/css',
                '.m3u8': 'application/vnd.apple.mpegurl',
                '.mpd': 'application/dash+xml', '.m4s': 'video/mp4',
                '.mp4': 'video/mp4' };

// How many ms pass before a segment begins to come; manifests come at once.
const LATENCY = 120;

// A plain file comes at a little more than its own rate, so that a browser has
// no more than some seconds of it.
const CHUNK = 16 * 1024;
const BURST = 3;
const PACE = 1.25;


class MediaServer {

    // pages, media: directories; lib: node_modules; seconds: length of the
    // media
    constructor({ pages, media, lib, seconds }) {
        this.roots = { pages, media, lib };
        this.seconds = seconds;
        this.cuts = new Map();
        this.sockets = new Set();
        this.server = http.createServer((request, response) =>
            this.answer(request, response).catch(() => response.destroy()));
        this.server.on('connection', (socket) => {
            this.sockets.add(socket);
            socket.on('close', () => this.sockets.delete(socket));
        });
    }

    listen(port) {
        return new Promise((resolve) =>
            this.server.listen(port, '127.0.0.1', resolve));
    }

    close() {
        this.server.close();
        this.sockets.forEach((socket) => socket.destroy());
    }

    cut(session) {
        let mend;
        const mended = new Promise((resolve) => { mend = resolve; });

        this.cuts.set(session, { mended, mend });
    }

    mend(session) {
        this.cuts.get(session).mend();
        this.cuts.delete(session);
    }

    // Waits while the session's network is cut.
    async passed(session) {
        while (this.cuts.has(session)) {
            await this.cuts.get(session).mended;
        }
    }

    async answer(request, response) {
        const { pathname } = new URL(request.url, 'http://localhost');
        const [, first, ...rest] = pathname.split('/');
        const session = first === 'media' ? rest.shift() : null;
        const root = session ? 'media' : first === 'lib' ? 'lib' : 'pages';
        const name = rest.length ? rest.join('/') : first;
        const file = path.join(this.roots[root], path.normalize(`/${name}`));

        if (session) {
            await pause(/\.m(4s|p4)$/.test(file) ? LATENCY : 0);
            await this.passed(session);
        }

        if (!fs.existsSync(file)) {
            response.writeHead(404).end();
            return;
        }

        await this.send(request, response, session, file);
    }

    async send(request, response, session, file) {
        const body = fs.readFileSync(file);
        const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range || '');
        const from = range ? Number(range[1]) : 0;
        const to = range && range[2] ? Number(range[2]) + 1 : body.length;
        const plain = path.extname(file) === '.mp4';

        response.writeHead(range ? 206 : 200, {
            'Content-Type': TYPES[path.extname(file)] || 'text/plain',
            'Content-Length': to - from,
            'Accept-Ranges': 'bytes',
            'Cache-Control': 'no-store',
            ...range && { 'Content-Range':
                          `bytes ${from}-${to - 1}/${body.length}` },
        });

        await this.write(response, session, body.subarray(from, to),
                         plain ? body.length / this.seconds : Infinity);
        response.end();
    }

    // rate: bytes that play in a second
    async write(response, session, bytes, rate) {
        const gone = new AbortController();
        let begin = Date.now();
        let sent = 0;

        response.once('close', () => gone.abort());

        while (sent < bytes.length && !gone.signal.aborted) {
            if (this.cuts.has(session)) {
                const cut = Date.now();
                await this.passed(session);
                begin += Date.now() - cut;
            }

            const elapsed = (Date.now() - begin) / 1000;

            if (sent > rate * (BURST + PACE * elapsed)) {
                await pause(50);
                continue;
            }

            if (!response.write(bytes.subarray(sent, sent + CHUNK))) {
                await once(response, 'drain', { signal: gone.signal });
            }

            sent += CHUNK;
        }
    }
}


module.exports = { MediaServer };
