/*! OpenQoE reporter, Copyright (C) OpenQoE, Apache-2.0 */
/*
 * Posts what a media element really does; docs/players.md has the options and
 * the events.
 *
 *     const qoe = OpenQoE({ endpoint: '/v2/events', org_id: 'demo' });
 *     qoe.watch(video, { video: { id: 'a' }, engine: hls });
 *
 * Times are in ms.  An event is dated when it happened, not when it was noticed:
 * the position, looked at often, shows when pictures stopped and moved again.
 */

(function (root) {
    'use strict';

    const LOOK = 200, STALL = 250, BEAT = 10000, BATCH = 50;
    const { min, max, round } = Math;
    const { now } = Date;

    // crypto.randomUUID() is missing on pages without TLS.
    const uuid = () => '10000000-1000-4000-8000-100000000000'.replace(/[018]/g,
        (c) => (c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> c / 4)
            .toString(16));

    // No more of the browser than its family and its kind of device.
    function client() {
        const find = (list) => (navigator.userAgent.match(list) || [''])[0];
        const os = find(/Windows|Android|iPhone|iPad|CrOS|Mac|Tizen|Web0S|Linux/);

        return {
            os: { family: os },
            browser: { family: find(/Edg|OPR|Firefox|Chrome|Safari/) },
            device: { category: /Ti|We/.test(os) ? 'tv'
                : /An|iP/.test(os) ? 'mobile' : 'desktop' },
        };
    }

    const FAMILIES = {
        1: 'network', 2: 'network', 3: 'decoder', 4: 'source', 6: 'drm',
        networkError: 'network', mediaError: 'decoder', keySystemError: 'drm',
    };

    // What the players say: a name, a version, the source, and the renditions,
    // each [bitrate in bit/s, width, height, codec, framerate, selected].
    const PLAYERS = [
        ['hlsjs', 'loadSource', (e) => e.constructor.version, (e) => e.url,
            (e) => e.levels.map((l, i) => [l.bitrate, l.width, l.height,
                l.videoCodec, l.frameRate, i === e.currentLevel])],
        ['dashjs', 'attachSource', (e) => e.getVersion(), (e) => e.getSource(),
            (e) => e.getRepresentationsByType('video').map((r) => [r.bandwidth,
                r.width, r.height, r.codecFamily, r.frameRate, r.id
                === e.getCurrentRepresentationForType('video').id])],
        ['shaka', 'getVariantTracks', (e) => e.constructor.version,
            (e) => e.getAssetUri(),
            (e) => e.getVariantTracks().map((t) => [
                t.videoBandwidth || t.bandwidth, t.width, t.height,
                t.videoCodec, t.frameRate, t.active])],
        ['videojs', 'tech', () => root.videojs.VERSION, (e) => e.currentSrc(),
            (e) => e.tech(true).vhs.representations().map((r) => [r.bandwidth,
                r.width, r.height, r.codecs && r.codecs.video, r.frameRate,
                r.id === e.tech(true).vhs.playlists.media().id])],
    ];

    root.OpenQoE = function (options) {
        const { endpoint, credentials, interval = 5000, most = 500,
                ...fields } = options;
        const base = { player_id: 'html5', session_id: uuid(),
                       viewer_id: uuid(), ...client(), ...fields };
        let queue = [], flying = false, timer = 0, tries = 0, known = false;

        // The next heartbeat says what a dropped one said.
        function bound() {
            while (queue.length > most) {
                queue.splice(max(0, queue.findIndex((e) =>
                    e.event_type === 'heartbeat')), 1);
            }
        }

        function push(event) {
            queue.push(event);
            bound();
            later(interval);
        }

        function later(ms) {
            if (!timer && !flying) {
                timer = setTimeout(flush, ms);
            }
        }

        async function flush() {
            const events = queue.splice(0, BATCH);
            const body = JSON.stringify({ events });
            let wait = 0;

            timer = 0;

            if (!events.length) {
                return;
            }

            flying = true;

            try {
                // A browser keeps at most 64 kB alive.
                const { status, headers } = await fetch(endpoint, {
                    method: 'POST', body, keepalive: body.length < 2e4,
                    headers: { 'Content-Type': 'application/json' },
                    credentials,
                    signal: AbortSignal.timeout && AbortSignal.timeout(3e4),
                });

                if (status === 429 || status >= 500) {
                    wait = 1000 * headers.get('Retry-After') || 1;
                }
            } catch (e) {
                wait = 1;
            }

            flying = false;

            if (wait) {
                queue = events.concat(queue);
                bound();
                wait = max(min(wait, 6e5), min(6e4, 1000 * 2 ** tries++))
                    * (1 + Math.random() / 2);
            } else {
                tries = 0;
            }

            if (queue.length) {
                later(wait || (queue.length < BATCH ? interval : LOOK));
            }
        }

        // The last chance of a page; text/plain needs no preflight.
        function leave() {
            while (queue.length) {
                const events = queue.splice(0, BATCH / 2);

                if (!navigator.sendBeacon(endpoint,
                                          JSON.stringify({ events }))) {
                    queue = events.concat(queue);
                    return;
                }
            }
        }

        // phase: '' (no wish), start, play, stall, seek, pause, dead, over
        function watch(media, { engine, ...meta } = {}) {
            const born = performance.now();
            const kind = engine && PLAYERS.find(([, has]) => engine[has]);
            const stopped = new AbortController();
            const timer2 = setInterval(() => look(), LOOK);
            let m, v, phase;

            // Where and when the position was last seen, and stopped.
            let pos, at, mark;

            const path = (url) => String(url || '').replace(/[?#].*/, '')
                .replace(/^\w+:\/\/[^/]*/, '');
            // '' while the player is not that far, and for a page's own MSE
            const source = () => path(attempt(() => kind[3](engine))
                || media.currentSrc).replace(/^blob:.*/, '');
            const on = (target, name, handler) => target.addEventListener(
                name, handler, { signal: stopped.signal });

            function attempt(f) {
                try {
                    return f();
                } catch (e) {
                    return undefined;   // the player is not that far yet
                }
            }

            function fresh(more) {
                m = { ...m, ...more };
                phase = '';
                pos = media.currentTime;
                at = now();
                mark = { at, pos };
                v = { id: uuid(), play: 0, stalls: 0, stalled: 0, errors: 0,
                      quartile: 0, drop: dropped(), beat: 0, n: 0 };
            }

            function video() {
                const { duration } = media;

                v.video = v.video || (m.video || {}).id || source()
                    || 'unknown';
                return {
                    ...duration === Infinity ? { stream_type: 'live' }
                        : duration > 0 && { stream_type: 'vod',
                                            duration: round(duration * 1000) },
                    ...m.video, id: v.video,
                };
            }

            function emit(type, data, t = now(), p = media.currentTime) {
                push({
                    event_type: type, event_time: round(t),
                    playback_time: round(1000 * p),
                    ...base, ...m, view_id: v.id, video: video(), data,
                    player: { name: kind ? kind[0] : 'html5',
                              version: attempt(() => kind[2](engine)),
                              autoplay: media.autoplay,
                              preload: media.preload, ...m.player },
                });
            }

            function dropped() {
                return attempt(() => media.getVideoPlaybackQuality()
                    .droppedVideoFrames);
            }

            function buffer() {
                const { buffered: b, currentTime: p } = media;

                for (let i = 0; i < b.length; i++) {
                    if (b.start(i) <= p && p <= b.end(i)) {
                        return round(1000 * (b.end(i) - p));
                    }
                }

                return 0;
            }

            // The rendition on the screen: the selected one, unless the picture
            // has the size of another, which a buffer may still hold.
            function shown() {
                const list = attempt(() => kind ? kind[4](engine) : engine())
                    || [];
                const fits = (r) => r[1] === media.videoWidth
                    && r[2] === media.videoHeight;

                return list.find((r) => r[5] && fits(r)) || list.find(fits)
                    || list.find((r) => r[5]) || [];
            }

            function size() {
                return { player_width: media.clientWidth,
                         player_height: media.clientHeight,
                         device_pixel_ratio: root.devicePixelRatio };
            }

            function quality(t, p) {
                const [rate, w, h, codec, framerate] = shown();
                const width = media.videoWidth || w;
                const height = media.videoHeight || h;
                const key = [rate, width, height].join();

                if (key !== v.key && (rate || width)) {
                    v.key = key;
                    emit('qualitychange', {
                        media_type: 'video', bitrate_kb: kbit(),
                        codec, framerate, video_width: width, video_height: height, ...size(),
                    }, t, p);
                }
            }

            const kbit = () => shown()[0] / 1000 || null;
            const told = () => ({ playing_time: round(v.play) });

            function beat(t) {
                const n = dropped();

                v.beat = t;
                v.drop = n < v.drop ? 0 : v.drop;
                emit('heartbeat', {
                    ...told(), bitrate_kb: kbit(), buffer_len_ms: buffer(),
                    dropped_frames: n - v.drop || 0, ...size(),
                }, t);
            }

            function stand(to, t, p) {
                phase = to;
                mark = { at: t, pos: p };
            }

            // With the wait, startup is what lies between the two, whatever the
            // order in which players get ready.
            function wish() {
                const t = now();

                look();
                stand('start', t, media.currentTime);
                v.wish = t;
                v.beat = t;
                emit('playing', {}, t);
                emit('stallstart', { buffer_len_ms: buffer() }, t);
            }

            function ready() {
                const [page] = performance.getEntriesByType('navigation');

                if (!known) {
                    known = true;
                    emit('manifestload', { page_load_time: round(min(born,
                        page && page.loadEventEnd || born)) });
                    emit('playerready', { player_startup_time:
                        round(performance.now() - born) });
                }
            }

            function endStall(t, p) {
                v.stalls++;
                v.stalled += t - mark.at;
                emit('stallend', { stall_duration: round(t - mark.at),
                                   stall_position_secs: mark.pos,
                                   buffer_len_ms: buffer() }, t, p);
            }

            function endSeek(t, p) {
                emit('seek', { from: round(1000 * v.from), to: round(1000 * p),
                               seek_latency: t - v.seek }, t, p);
            }

            // The position began to move at t.
            function moves(t) {
                v.dead = false;

                if (phase === 'start') {
                    v.started = true;
                    v.beat = t - BEAT + 1000;
                    emit('canplay', { video_startup_time: t - v.wish }, t,
                         mark.pos);
                    emit('stallend', {}, t, mark.pos);
                    quality(t, mark.pos);
                } else if (phase === 'stall') {
                    endStall(t, mark.pos);
                } else if (phase === 'seek') {
                    endSeek(t, mark.pos);
                } else {
                    emit('playing', {}, t, mark.pos);
                }
            }

            function look() {
                const t = now(), p = media.currentTime;
                const rate = Math.abs(media.playbackRate) || 1;
                const gap = t - at, grown = (p - pos) * 1000 / rate;
                const leap = grown > gap + 1000 || grown < -500;

                if (media.seeking) {
                    return;
                }

                if (phase === 'play') {
                    v.play += grown > 0 && !leap ? grown : 0;

                    // A page that slept has no stall.
                    if (grown > gap / 10 || leap || gap > 2000) {
                        mark = { at: gap > 2000 ? t : min(t, at + grown),
                                 pos: p };
                    } else if (t - mark.at >= STALL && (media.readyState < 3
                               || media.playbackRate === 0)) {
                        phase = 'stall';
                        emit('stallstart', { buffer_len_ms: buffer() },
                             mark.at, mark.pos);
                    }
                } else if (/start|stall|seek|dead/.test(phase)) {
                    const ms = (p - mark.pos) * 1000 / rate;

                    if (leap) {
                        mark.pos = p;
                    } else if (ms > 50) {
                        const from = max(at, round(t - ms));

                        moves(from);
                        v.play += t - from;
                        stand('play', t, p);
                    }
                }

                pos = p;
                at = t;
                regular(t, p);
            }

            function regular(t, p) {
                const part = phase === 'play'
                    && min(3, 4 * p / media.duration | 0);

                while (v.quartile < part) {
                    emit('quartile', { quartile: 25 * ++v.quartile,
                                       ...told() }, t, p);
                }

                if (/play|stall|start/.test(phase) && t - v.beat >= BEAT
                    && !v.dead) {
                    beat(t);
                } else if (phase === 'play' && ++v.n % 5 < 1) {
                    quality(t);
                }
            }

            function rename() {
                const url = !(m.video || {}).id && source();

                if (v.url && url && url !== v.url) {
                    next();
                }

                v.url = v.url || url;
            }

            // Another video in the same player, or the same once more.
            function next(more) {
                detach();
                fresh(more);

                if (!media.paused) {
                    wish();
                }
            }

            function detach() {
                if (media.ended) {
                    handlers.ended();
                } else if (/play|stall|start|seek|pause/.test(phase)) {
                    if (phase === 'seek') {
                        endSeek(now(), media.currentTime);
                    }

                    emit('playbackdetached', {}, now(), pos);
                    phase = '';
                }
            }

            // A wish by autoplay is as old as the load; a hidden page has none.
            function auto() {
                if (!phase && !v.started && !document.hidden
                    && media.readyState < 4 && (media.autoplay || attempt(() =>
                        engine.getAutoPlay()))) {
                    wish();
                }
            }

            // An error as Shaka (category), hls.js (details), an element, or the
            // page has it.
            function error(e) {
                const t = now(), { category, details } = e;
                const code = String(details || e.code || e.name).slice(0, 60);
                const fatal = category ? e.severity !== 1
                    : details ? e.fatal : e.fatal !== false;
                const key = code + fatal;

                // Stalls, and a load that another one took the place of.
                if (/^(buffer(Stal|Nudge|Seek)|7000$)/.test(code)
                    || v.errors > 20 && !fatal || key === v.error && t - v.failed < 1000)
                {
                    return;
                }

                v.errors++;
                v.error = key;
                v.failed = t;
                v.dead = v.dead || fatal;
                look();

                if (fatal && /play|stall|seek/.test(phase)) {
                    phase === 'stall' && endStall(t, mark.pos);
                    stand('dead', t, media.currentTime);
                }

                emit('error', {
                    error_family: e.family || FAMILIES[category || e.type]
                        || 'media',
                    error_code: code, fatal,
                    error_message: String(e.message || (e.error || e).message)
                        .replace(/[?#]\S*/g, '').slice(0, 200),
                }, t);
            }

            const failed = (e) => e && error({ type: e.code, code: e.code,
                                               message: e.message });

            const handlers = {
                loadstart: auto,

                loadedmetadata() {
                    rename();
                    ready();
                },

                play() {
                    rename();

                    if (phase === 'over') {
                        fresh();
                    }

                    if (v.started) {
                        emit('playing');
                        phase === 'seek' || stand('play', now(),
                                                  media.currentTime);
                        at = now();
                        pos = media.currentTime;
                    } else if (phase !== 'start') {
                        wish();
                    }
                },

                pause() {
                    look();

                    if (media.ended || media.error || !phase
                        || phase === 'over')
                    {
                        return;
                    }

                    phase === 'stall' && endStall(now(), mark.pos);
                    phase === 'seek' && !media.seeking
                        && endSeek(now(), media.currentTime);
                    emit('pause', told());

                    if (phase !== 'seek' || !media.seeking) {
                        phase = v.started ? 'pause' : '';
                    }
                },

                // Autoplay that the browser refuses is no wish.
                canplaythrough() {
                    media.paused && phase === 'start' && handlers.pause();
                },

                seeking() {
                    const t = now(), p = media.currentTime;

                    if (!/play|stall|pause|dead/.test(phase)) {
                        return;
                    }

                    const ran = phase === 'play' ? min(t - at, LOOK * 2) : 0;
                    const from = pos + ran / 1000;

                    // A player steps over holes by itself.
                    if (Math.abs(p - from) < 0.25) {
                        mark.pos = pos = p;
                        return;
                    }

                    v.play += ran;
                    phase === 'stall' && endStall(t, mark.pos);
                    v.seek = t;
                    v.from = from;
                    stand('seek', t, p);
                },

                seeked() {
                    at = now();
                    mark.pos = pos = media.currentTime;

                    if (phase === 'seek' && media.paused) {
                        endSeek(at, pos);
                        phase = 'pause';
                    }
                },

                ended() {
                    look();

                    if (!v.started || phase === 'over') {
                        return;
                    }

                    phase === 'stall' && endStall(now(), mark.pos);
                    phase === 'seek' && endSeek(now(), media.currentTime);

                    let seen = 0;

                    for (let i = 0; i < media.played.length; i++) {
                        seen += media.played.end(i) - media.played.start(i);
                    }

                    emit('quartile', { quartile: 100, ...told() });
                    emit('ended', { ...told(), rebuffer_count: v.stalls,
                        rebuffer_duration: round(v.stalled),
                        completion_rate: min(1, seen / media.duration) });
                    phase = 'over';
                },

                emptied() {
                    phase === 'start' || detach();
                },

                ratechange() {
                    const r = media.playbackRate;

                    look();

                    if (r && r !== (v.rate || 1) && v.started) {
                        v.rate = r;
                        emit('playbackratechange', { playback_rate: r });
                    }
                },

                resize() {
                    look();
                    v.started && quality();
                },

                error() {
                    failed(media.error);
                },
            };

            for (const name of ['timeupdate', 'waiting', 'playing']) {
                handlers[name] = look;
            }

            function visible() {
                if (phase && phase !== 'over') {
                    look();
                    emit(document.hidden ? 'moveaway' : 'moveback');
                }

                document.hidden ? tries || leave() : auto();
            }

            function hide() {
                detach();
                leave();
            }

            function show(e) {
                if (e.persisted && v.started && !media.ended) {
                    phase = 'pause';
                    media.paused || handlers.play();
                }
            }

            fresh(meta);

            for (const name in handlers) {
                on(media, name, handlers[name]);
            }

            on(document, 'visibilitychange', visible);
            on(root, 'pagehide', hide);
            on(root, 'pageshow', show);

            if (kind) {
                ({
                    hlsjs: () => engine.on('hlsError', (_, d) => error(d)),
                    dashjs: () => engine.on('error', (e) =>
                        error({ family: 'network', ...e.error })),
                    shaka: () => engine.addEventListener('error', (e) =>
                        error(e.detail)),
                    videojs: () => engine.on('error', () =>
                        failed(engine.error())),
                })[kind[0]]();
            }

            // It may be loading, or playing, already.
            media.readyState > 0 && ready();
            media.paused ? media.networkState > 1 && auto()
                : media.currentTime > 0.5 ? (v.started = true, handlers.play())
                    : wish();

            return {
                next, error,
                set: (more) => { m = { ...m, ...more }; },
                stop() {
                    detach();
                    clearInterval(timer2);
                    stopped.abort();
                },
            };
        }

        return { watch };
    };
})(globalThis);
