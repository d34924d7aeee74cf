// Copyright (C) OpenQoE
//
// The site of the examples' test: /SESSION/... is the folder examples/, whose
// clip comes over a network that can be cut for that session; what its pages
// post to /v2/events goes on to nginx, with the session's name as player_id.
// A plain video is another one with more bits, of which a browser cannot have
// all at once.

'use strict';

const http = require('http');

const { MediaServer } = require('../players/media.js');


class Site extends MediaServer {

    // examples: the folder; media: that of players/stream.sh; endpoint: URL of
    // the events location; seconds: length of its plain.mp4
    constructor({ examples, media, endpoint, seconds }) {
        super({ pages: examples, media, lib: examples, seconds });
        this.roots.media = '/';
        this.files = { examples, media };
        this.endpoint = endpoint;
        this.sent = new Map();      // session => [{ at, events, status, type }]
    }

    async answer(request, response) {
        if (request.method === 'POST') {
            await this.events(request, response);
            return;
        }

        const found = /^\/([\w.-]+)\/(.*)$/.exec(request.url) || [];
        const [, session = '', name = ''] = found;

        if (name.startsWith('clip/')) {
            request.url = `/media/${session}/${this.clip(session, name)}`;

        } else {
            request.url = `/pages/${name}`;
        }

        await super.answer(request, response);
    }

    clip(session, name) {
        const { examples, media } = this.files;

        return session.endsWith('missing') ? 'missing'
            : session === 'video-full' ? `${media}/plain.mp4`
                : `${examples}/${name}`;
    }

    // Small files come as fast as they can.
    write(response, session, bytes, rate) {
        return super.write(response, session, bytes,
                           session === 'video-full' ? rate : Infinity);
    }

    async events(request, response) {
        const session = new URL(request.headers.referer).pathname.split('/')[1];
        const chunks = [];

        for await (const chunk of request) {
            chunks.push(chunk);
        }

        const { events } = JSON.parse(Buffer.concat(chunks));

        events.forEach((event) => { event.player_id = session; });

        const status = await this.pass(JSON.stringify({ events }), response);
        const type = request.headers['content-type'].split(';')[0];

        this.sent.set(session, [...this.sent.get(session) || [],
                                { at: Date.now(), events, status, type }]);
    }

    pass(body, response) {
        return new Promise((resolve, reject) => {
            const options = { method: 'POST', headers: {
                'Content-Type': 'application/json',
                'Content-Length': Buffer.byteLength(body),
            } };

            http.request(this.endpoint, options, (answer) => {
                response.writeHead(answer.statusCode, answer.headers);
                answer.pipe(response);
                resolve(answer.statusCode);
            }).on('error', reject).end(body);
        });
    }
}


module.exports = { Site };
