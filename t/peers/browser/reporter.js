// Copyright (C) OpenQoE
//
// A small reporter in the way of a player SDK: what hls.js and the video
// element tell, as events of the contract, in batches by fetch; what is left
// when the page is hidden by sendBeacon.

'use strict';

/* exported Reporter */

class Reporter {

    // options: endpoint, run (for the event ids), beaconType, heartbeat and
    // flush in ms, note(entry), called for every batch that was handed over
    constructor(video, hls, options) {
        this.video = video;
        this.hls = hls;
        this.options = Object.assign({ heartbeat: 1000, flush: 300,
                                       beaconType: 'text/plain' }, options);
        this.queue = [];
        this.serial = 0;
        this.born = performance.now();
        this.view = crypto.randomUUID();
        this.session = crypto.randomUUID();
        this.quartile = 0;
        this.waiting = null;
        this.seekFrom = 0;
        this.stalls = 0;
        this.stalled = 0;

        this.listenToVideo();
        this.listenToHls();
        this.listenToPage();

        setInterval(() => this.flush(), this.options.flush);
        setInterval(() => this.heartbeat(), this.options.heartbeat);
    }

    event(type, data) {
        const number = this.options.first + this.serial++;

        return {
            event_type: type,
            event_time: Date.now(),
            viewer_time: Date.now(),
            playback_time: Math.round(this.video.currentTime * 1000),
            org_id: 'org-browser',
            player_id: 'player-browser',
            view_id: this.view,
            session_id: this.session,
            viewer_id: 'viewer-browser',
            env: 'test',
            app_name: 'peers',
            app_version: '1.0.0',
            device: { category: 'desktop' },
            os: { family: 'Linux' },
            browser: { family: 'Chromium',
                       version: (navigator.userAgent.match(
                           /Chrome\/(\d+)/) || [])[1] },
            player: { name: 'hls.js', version: Hls.version,
                      autoplay: this.video.autoplay,
                      preload: this.video.preload },
            video: { id: 'testsrc', title: 'Prüfbild 映像 \u{1F3AC}',
                     duration: this.video.duration * 1000 || null,
                     source_url: this.hls.url },
            data: Object.assign({
                seq: `oqid-${this.options.run}-${number}`,
            }, data),
        };
    }

    report(type, data) {
        this.queue.push(this.event(type, data));

        if (this.queue.length >= 10) {
            this.flush();
        }
    }

    // keepalive: a batch that is under way when the page goes away still
    // arrives.
    async flush() {
        if (this.queue.length === 0) {
            return;
        }

        const events = this.queue;
        this.queue = [];

        const entry = { via: 'fetch', status: 'sent',
                        events: events.map((e) => [e.data.seq,
                                                   e.event_type]) };
        this.options.note(entry);

        try {
            const response = await fetch(this.options.endpoint, {
                method: 'POST',
                credentials: 'include',
                keepalive: true,
                headers: { 'Content-Type': 'application/json' },
                body: JSON.stringify({ events }),
            });

            entry.status = response.status;
            entry.answer = await response.json();

        } catch (error) {
            entry.status = String(error);
        }

        this.options.note(entry);
    }

    beacon() {
        if (this.queue.length === 0) {
            return;
        }

        const events = this.queue;
        this.queue = [];

        const blob = new Blob([JSON.stringify({ events })],
                              { type: this.options.beaconType });
        const queued = navigator.sendBeacon(this.options.endpoint, blob);

        this.options.note({ via: `beacon ${this.options.beaconType}`,
                            status: queued ? 'queued' : 'refused',
                            events: events.map((e) => [e.data.seq,
                                                       e.event_type]) });
    }

    playingTime() {
        return Math.round(performance.now() - this.born);
    }

    level() {
        return this.hls.levels[this.hls.currentLevel];
    }

    bufferLength() {
        const ranges = this.video.buffered;
        const end = ranges.length ? ranges.end(ranges.length - 1) : 0;

        return Math.max(0, Math.round((end - this.video.currentTime) * 1000));
    }

    heartbeat() {
        if (this.video.paused || this.video.ended) {
            return;
        }

        const level = this.level();
        const quality = this.video.getVideoPlaybackQuality();

        this.report('heartbeat', {
            playing_time: this.playingTime(),
            bitrate: level ? level.bitrate : null,
            buffer_length: this.bufferLength(),
            dropped_frames: quality.droppedVideoFrames,
        });
    }

    listenToVideo() {
        const on = (name, handler) =>
            this.video.addEventListener(name, handler);

        on('canplay', () => this.report('canplay', {
            video_startup_time: this.playingTime(),
            buf_len: this.bufferLength(),
        }));
        on('canplaythrough', () => this.report('canplaythrough', {}));
        on('playing', () => this.playing());
        on('pause', () => this.report('pause', {
            playing_time: this.playingTime(),
        }));
        on('seeking', () => { this.seekStart = performance.now(); });
        on('seeked', () => this.report('seek', {
            from: Math.round(this.seekFrom * 1000),
            to: Math.round(this.video.currentTime * 1000),
            seek_latency: performance.now() - this.seekStart,
        }));
        on('waiting', () => {
            this.waiting = performance.now();
            this.report('waitstart', {});
        });
        on('timeupdate', () => this.timeUpdate());
        on('ended', () => this.report('ended', {
            playing_time: this.playingTime(),
            total_watch_time: this.playingTime(),
            completion_rate: 1,
            rebuffer_count: this.stalls,
            rebuffer_duration: this.stalled,
        }));
        on('ratechange', () => this.report('playbackratechange', {
            playback_rate: this.video.playbackRate,
        }));
        on('volumechange', () => this.report('playbackvolumechange', {
            volume: this.video.volume * 100,
            muted: this.video.muted,
        }));
    }

    playing() {
        const level = this.level();

        if (this.waiting !== null) {
            const duration = performance.now() - this.waiting;

            this.stalls++;
            this.stalled += duration;
            this.report('stallend', {
                stall_duration: duration,
                buffer_len_ms: this.bufferLength(),
            });
            this.waiting = null;
        }

        this.report('playing', {
            playing_time: this.playingTime(),
            bitrate: level ? level.bitrate : null,
            resolution: level ? { width: level.width, height: level.height }
                              : undefined,
        });
    }

    timeUpdate() {
        const { currentTime, duration, seeking } = this.video;

        if (seeking) {
            return;
        }

        this.seekFrom = currentTime;

        while (this.quartile < 100
               && currentTime >= duration * (this.quartile + 25) / 100) {
            this.quartile += 25;
            this.report('quartile', { quartile: this.quartile,
                                      playing_time: this.playingTime() });
        }
    }

    listenToHls() {
        const on = (name, handler) =>
            this.hls.on(name, (_, data) => handler(data));

        on(Hls.Events.MANIFEST_PARSED, () => {
            this.report('manifestload', { page_load_time: this.playingTime() });
            this.report('playerready', {
                player_startup_time: this.playingTime(),
                page_load_time: this.playingTime(),
            });
        });
        on(Hls.Events.LEVEL_SWITCHING, (data) =>
            this.report('qualitychangerequested', {
                new: { bitrate_kb: data.bitrate / 1000, level: data.level,
                       resolution: { width: data.width,
                                     height: data.height } },
                media_type: 'video',
            }));
        on(Hls.Events.LEVEL_SWITCHED, (data) => this.qualityChange(data));
        on(Hls.Events.FRAG_LOADED, (data) => this.fragmentLoaded(data));
        on(Hls.Events.ERROR, (data) => this.report('error', {
            error_family: data.type === 'networkError' ? 'network' : 'media',
            error_code: data.details,
            error_message: String(data.error && data.error.message),
            error_context: { url: data.url || null, fatal: data.fatal,
                             http_status: data.response
                                          ? data.response.code : null },
        }));
    }

    qualityChange(data) {
        const level = this.hls.levels[data.level];

        this.report('qualitychange', {
            bitrate_kb: level.bitrate / 1000,
            media_type: 'video',
            resolution: { width: level.width, height: level.height },
            video_width: this.video.videoWidth,
            video_height: this.video.videoHeight,
            player_width: this.video.clientWidth,
            player_height: this.video.clientHeight,
            device_pixel_ratio: devicePixelRatio,
            codec: level.videoCodec,
        });
    }

    fragmentLoaded(data) {
        const { frag } = data;
        const { loading, total } = frag.stats;

        this.report('fragmentloaded', {
            frag_duration: frag.duration,
            size_bytes: total,
            time_to_load: loading.end - loading.start,
            ttfb_ms: loading.first - loading.start,
            bandwidth: this.hls.bandwidthEstimate,
            url: frag.url,
            frag_id: String(frag.sn),
            media_type: frag.type,
            is_outlier: false,
        });
    }

    // In some browsers pagehide comes before the visibilitychange of a page
    // that goes away for good, in others after it: the queue is empty by then.
    listenToPage() {
        document.addEventListener('visibilitychange', () => {
            if (document.visibilityState === 'hidden') {
                this.report('moveaway', {});
                this.beacon();

            } else {
                this.report('moveback', {});
            }
        });
        addEventListener('pagehide', () => this.beacon());
    }
}
