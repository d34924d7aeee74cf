// Copyright (C) OpenQoE
//
// Situations that the reporter must get right, each in a world of its own, and
// what came of them as JSON.  The argument is the reporter's file.

'use strict';

const { World } = require('./world.js');

const script = process.argv[2];

function start(answer, options, state, meta) {
    const world = new World(script, answer);
    const media = world.video(state);
    const qoe = world.page.OpenQoE({
        endpoint: 'https://qoe.example.com/v2/events', org_id: 'test',
        ...options });
    const view = qoe.watch(media, meta);

    return { world, media, view };
}

const brief = (events) => events.map(({ event_type: type, event_time: at,
                                        playback_time: position, data }) =>
    [at - 1.7e12, type, position, data]);

const counts = (list) => list.reduce((sum, name) =>
    ({ ...sum, [name]: (sum[name] || 0) + 1 }), {});


const SITUATIONS = {

    // A click, a wait, a stall, a seek, a pause, the end: exact times.
    async whole() {
        const { world, media } = start();

        media.say('loadedmetadata');
        media.data = false;
        await world.pass(1000);
        media.play();
        await world.pass(2000);
        media.feed(true);
        await world.pass(10000);
        media.feed(false);
        await world.pass(3000);
        media.feed(true);
        await world.pass(5150);
        media.seek(80);
        await world.pass(700);
        media.sought();
        await world.pass(5000);
        media.pause();
        await world.pass(60000);
        media.play();
        await world.pass(30000);
        return brief(world.got()).filter(([, type]) => type !== 'quartile');
    },

    // 503 with Retry-After, then no connection, then the server is back.
    async away() {
        const { world, media } = start((events, n) => n === 0
            ? { status: 503, headers: { 'Retry-After': '7' } }
            : n < 6 ? undefined : { status: 202 });

        media.play();
        await world.pass(180000);
        return { posts: world.posts.map(({ at, status }) =>
                     [at - 1.7e12, status]),
                 types: counts(world.types()),
                 times: world.got().map(({ event_time: at }) => at) };
    },

    // A server that is away for hours, with a viewer who stalls all the time.
    async bounded() {
        let away = true;
        const { world, media } = start(
            () => away ? undefined : { status: 202 }, { most: 100 },
            { duration: Infinity });

        media.play();

        for (let i = 0; i < 20; i++) {
            await world.pass(600000, 200);
            media.pause();
            await world.pass(1000, 200);
            media.play();
        }

        away = false;
        await world.pass(200000, 200);
        return { most: Math.max(...world.posts.map(({ events }) =>
                     events.length)),
                 posts: world.posts.length, types: counts(world.types()) };
    },

    // Answers that no repetition would change.
    async refused() {
        const { world, media } = start((events, n) =>
            ({ status: n < 1 ? 400 : 202 }));

        media.play();
        await world.pass(30000);
        return { posts: world.posts.map(({ status }) => status),
                 types: counts(world.types()) };
    },

    // A tab that is closed; a browser that takes no beacon at first.
    async closed() {
        const { world, media } = start(undefined, { interval: 60000 },
                                       undefined, { video: {
                                           id: 'a', title: 'x'.repeat(250),
                                       } });
        let beacons = 0;

        media.play();

        for (let i = 0; i < 40; i++) {
            await world.pass(300);
            media.pause();
            await world.pass(300);
            media.play();
        }

        world.takes = () => beacons++ > 0;
        world.hide(true);
        const kept = world.beacons.length;

        world.leave();
        return { kept, bytes: Math.max(...world.beacons.map(({ bytes }) =>
                     bytes)),
                 types: counts(world.types()), last: world.types().at(-1) };
    },

    // The server is away and the page is hidden: a beacon would be lost.
    async hidden() {
        const { world, media } = start((events, n) =>
            n < 3 ? undefined : { status: 202 });

        media.play();
        await world.pass(6000);
        world.hide(true);
        const lost = world.beacons.length;

        await world.pass(60000);
        return { lost, types: counts(world.types()) };
    },

    // Autoplay: as old as the load, withdrawn where the browser refuses it.
    async autoplay() {
        const state = { autoplay: true, data: false, networkState: 0,
                        readyState: 0 };
        const allowed = start(undefined, {}, state);

        allowed.media.say('loadstart');
        await allowed.world.pass(1500);
        allowed.media.paused = false;
        allowed.media.say('canplaythrough', 'play');
        allowed.media.feed(true);
        await allowed.world.pass(8000);

        const refused = start(undefined, {}, state);

        refused.media.say('loadstart');
        await refused.world.pass(1500);
        refused.media.readyState = 4;
        refused.media.say('canplaythrough');
        refused.world.hide(true);
        refused.world.hide(false);
        await refused.world.pass(8000);
        return { allowed: brief(allowed.world.got()),
                 refused: brief(refused.world.got()) };
    },

    // The same video once more, and another one.
    async views() {
        const { world, media, view } = start(undefined, {}, { duration: 5 },
                                             { video: { id: 'a' } });

        media.play();
        await world.pass(6000);
        media.play();
        await world.pass(2000);
        view.next({ video: { id: 'b' } });
        media.currentTime = 0;
        await world.pass(12000);
        return world.got().filter(({ event_type: type }) =>
            /^(playing|canplay|ended|playbackdetached)$/.test(type))
            .map((event) => [event.event_type, event.view_id,
                             event.video.id]);
    },

    // A wish that is withdrawn before the first frame, and another one.
    async withdrawn() {
        const { world, media } = start(undefined, {}, { data: false });

        media.play();
        await world.pass(3000);
        media.pause();
        await world.pass(60000);
        media.play();
        await world.pass(500);
        media.feed(true);
        await world.pass(8000);
        return brief(world.got());
    },

    // A live stream, which begins at its edge.
    async live() {
        const { world, media } = start(undefined, {},
                                       { data: false, duration: Infinity });

        media.play();
        await world.pass(400);
        media.seek(3600);
        await world.pass(400);
        media.sought();
        await world.pass(400);
        media.feed(true);
        await world.pass(8000);
        return { events: brief(world.got()),
                 type: world.got().at(-1).video.stream_type };
    },

    // A page that goes on to the next video before the reporter has heard that
    // the last one ended, and a source that is known only after the wish.
    async order() {
        const { world, media, view } = start(undefined, {},
            { duration: 5, currentSrc: '', data: false });

        media.play();
        await world.pass(500);
        media.currentSrc = 'blob:https://example.com/1';
        media.say('loadedmetadata');
        media.data = true;
        await world.pass(4000);
        media.currentTime = 5;
        media.ended = media.paused = true;
        view.next();
        media.say('pause', 'ended');
        media.play();
        await world.pass(15000);
        return world.got().map((event) => [event.event_type, event.video.id,
                                           event.view_id]);
    },

    // A video that cannot start, with a viewer who waits.
    async broken() {
        const { world, media, view } = start(undefined, {}, { data: false });

        media.play();
        await world.pass(1000);
        view.error({ details: 'manifestLoadError', type: 'networkError',
                     fatal: true, error: new Error('404') });
        await world.pass(60000);
        return brief(world.got());
    },

    // Six elements of a page that share a session.
    async six() {
        const world = new World(script);
        const qoe = world.page.OpenQoE({ endpoint: '/', org_id: 'test' });

        for (let i = 0; i < 6; i++) {
            const media = world.video();

            qoe.watch(media, { video: { id: `v${i}` } });
            media.play();
        }

        await world.pass(20000);
        const all = world.got();

        return { sessions: new Set(all.map((e) => e.session_id)).size,
                 views: new Set(all.map((e) => e.view_id)).size,
                 posts: world.posts.length, types: counts(world.types()) };
    },

    // Errors: fatal and recovered, repeated, with texts that must not be posted.
    async errors() {
        const { world, media, view } = start();

        media.play();
        await world.pass(5000);
        media.feed(false);
        await world.pass(2000);
        view.error({ family: 'network', code: 503, message:
            'GET https://cdn.example.com/seg?token=secret failed' });
        view.error({ family: 'network', code: 503, message: 'again' });
        await world.pass(1000);
        media.feed(true);
        await world.pass(5000);

        for (let i = 0; i < 100; i++) {
            view.error({ code: `c${i}`, fatal: false });
        }

        await world.pass(10000);
        const all = brief(world.got());

        return { errors: all.filter(([, type]) => type === 'error').length,
                 all: all.filter(([, type, , data]) => type !== 'heartbeat'
                     && !/^c/.test((data || {}).error_code)) };
    },

    // A laptop that was closed for an hour while it played.
    async asleep() {
        const { world, media } = start();

        media.play();
        await world.pass(10000);
        world.time += 3600000;
        media.readyState = 2;
        media.data = false;
        await world.pass(1000);
        media.feed(true);
        await world.pass(10000);
        world.leave();
        return brief(world.got()).filter(([, type]) =>
            /stall|heart|detach/.test(type));
    },

    // What an event has, and has not.
    async fields() {
        const { world, media } = start(undefined, { interval: 100 });

        media.play();
        await world.pass(3000);
        world.leave();
        const text = JSON.stringify(world.got());

        return { first: world.got()[0], secret: /secret/.test(text) };
    },
};


async function main() {
    const results = {};

    for (const name in SITUATIONS) {
        results[name] = await SITUATIONS[name]();
    }

    console.log(JSON.stringify(results));
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
