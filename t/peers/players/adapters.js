// Copyright (C) OpenQoE
//
// How each player's adapter of the published SDK 1.2.0 reports: types, order,
// fields and units as in the recorded sessions, faults included (`playing` is
// sent when the viewer wants to play, a seek's `from` is its target, playing
// time lags by a tick).  Positions and times are in ms unless a field's name
// says otherwise.

'use strict';

/* exported Html5Adapter, HlsAdapter, DashAdapter, ShakaAdapter */

const HEARTBEAT = 10000;
const QUARTILES = [25, 50, 75, 100];


// The code that the adapters share.

class Adapter {

    constructor(reporter, video) {
        this.reporter = reporter;
        this.video = video;
        this.listeners = [];
        this.playingTime = 0;
        this.lastTime = 0;
        this.quartiles = new Set();
        this.stalled = null;
        this.rebuffers = 0;
        this.rebuffered = 0;
        this.seekFrom = 0;
        this.seekStart = 0;
        this.timer = null;
        this.born = performance.now();
    }

    on(names, handler) {
        for (const name of names.split(' ')) {
            this.video.addEventListener(name, handler);
            this.listeners.push([name, handler]);
        }
    }

    detach() {
        this.stopHeartbeat();

        for (const [name, handler] of this.listeners) {
            this.video.removeEventListener(name, handler);
        }
    }

    describe(name, version) {
        return { name, version, autoplay: this.video.autoplay,
                 preload: this.video.preload };
    }

    position() {
        return this.video.currentTime * 1000;
    }

    report(type, data) {
        this.reporter.report(type, data, this.position());
    }

    // Some types are sent without a position.
    reportBare(type, data) {
        this.reporter.report(type, data, undefined);
    }

    bufferLength() {
        const { buffered, currentTime } = this.video;

        for (let i = 0; i < buffered.length; i++) {
            if (buffered.start(i) <= currentTime
                && currentTime <= buffered.end(i)) {
                return (buffered.end(i) - currentTime) * 1000;
            }
        }

        return undefined;
    }

    droppedFrames() {
        return this.video.getVideoPlaybackQuality().droppedVideoFrames;
    }

    reportManifest() {
        const [page] = performance.getEntriesByType('navigation');

        this.reportBare('manifestload', {
            page_load_time: page.loadEventEnd - page.loadEventStart,
        });
    }

    reportReady() {
        this.reportBare('playerready', {
            player_startup_time: performance.now(),
        });
    }

    startHeartbeat() {
        if (this.timer === null) {
            this.timer = setInterval(() =>
                this.report('heartbeat', this.heartbeat()), HEARTBEAT);
        }
    }

    stopHeartbeat() {
        clearInterval(this.timer);
        this.timer = null;
    }

    pause() {
        this.stopHeartbeat();
        this.report('pause', { playing_time: this.playingTime });
    }

    seeking() {
        this.seekFrom = this.position();
        this.seekStart = performance.now();
    }

    seeked() {
        this.report('seek', {
            from: this.seekFrom,
            to: this.position(),
            seek_latency: performance.now() - this.seekStart,
        });
    }

    // Returns false when a stall is already known.
    stallBegins() {
        if (this.stalled !== null) {
            return false;
        }

        this.stalled = performance.now();
        return true;
    }

    // Returns the stall's duration, null when there was none.
    stallEnds() {
        if (this.stalled === null) {
            return null;
        }

        const duration = performance.now() - this.stalled;

        this.stalled = null;
        this.rebuffers++;
        this.rebuffered += duration;
        return duration;
    }

    ended() {
        this.stopHeartbeat();
        this.report('ended', {
            playing_time: this.playingTime,
            total_watch_time: performance.now() - this.born,
            completion_rate: this.video.currentTime / this.video.duration,
            rebuffer_count: this.rebuffers,
            rebuffer_duration: this.rebuffered,
        });
    }

    timeUpdate() {
        const { currentTime, duration, paused } = this.video;

        for (const quartile of QUARTILES) {
            if (currentTime / duration >= quartile / 100
                && !this.quartiles.has(quartile)) {
                this.quartiles.add(quartile);
                this.report('quartile', {
                    quartile, playing_time: this.playingTime, watch_time: 0,
                });
            }
        }

        const growth = currentTime - this.lastTime;

        if (!paused && growth > 0 && growth < 1) {
            this.playingTime += growth * 1000;
        }

        this.lastTime = currentTime;
    }

    // The events that all adapters but dash.js take from the element.
    listenToElement() {
        this.on('play', () => {
            this.report('playing', this.playing());
            this.startHeartbeat();
        });
        this.on('pause', () => this.pause());
        this.on('seeking', () => this.seeking());
        this.on('seeked', () => this.seeked());
        this.on('ended', () => this.ended());
        this.on('timeupdate', () => this.timeUpdate());
    }
}


// A plain video element: no bitrate, and `stalled`, which says that no bytes
// come, counts as a stall although pictures may go on.

class Html5Adapter extends Adapter {

    description() {
        return this.describe('html5');
    }

    listen() {
        this.listenToElement();
        this.on('loadstart', () => this.reportManifest());
        this.on('loadeddata', () => this.reportReady());
        this.on('canplay', () => this.reportBare('canplay', {
            buf_len: this.bufferLength(),
            video_startup_time: performance.now(),
        }));
        this.on('waiting stalled', () => {
            if (this.stallBegins()) {
                this.report('stallstart', {
                    buffer_len_ms: this.bufferLength(), bitrate: null,
                });
            }
        });
        this.on('playing', () => this.resumed());
        this.on('ratechange', () => this.report('playbackratechange', {
            playback_rate: this.video.playbackRate,
        }));
        this.on('error', () => this.report('error', {
            error_family: 'source',
            error_code: String(this.video.error && this.video.error.code),
            error_message: 'Media format not supported',
            error_context: { error_family: 'source' },
        }));
    }

    playing() {
        return { playing_time: this.position(), bitrate: null,
                 resolution: { width: this.video.videoWidth,
                               height: this.video.videoHeight } };
    }

    resumed() {
        const duration = this.stallEnds();

        if (duration !== null) {
            this.report('stallend', {
                stall_position_secs: this.video.currentTime,
                stall_duration: duration,
                buffer_len_ms: this.bufferLength(),
            });
        }
    }

    heartbeat() {
        return { playing_time: this.playingTime, bitrate: null,
                 buffer_len_ms: this.bufferLength() };
    }
}


// hls.js: no duration in `stallend`, no sign that an error was fatal.

class HlsAdapter extends Adapter {

    constructor(reporter, video, hls) {
        super(reporter, video);
        this.hls = hls;
        this.stallPosition = null;
    }

    description() {
        return this.describe('hlsjs', Hls.version);
    }

    listen() {
        this.listenToElement();
        this.on('canplay', () => this.reportBare('canplay', {
            video_startup_time: performance.now(),
        }));
        this.on('waiting', () => {
            if (this.stallBegins()) {
                this.stallPosition = this.video.currentTime;
                this.report('stallstart', { bitrate: null });
            }
        });
        this.on('playing', () => {
            if (this.stallEnds() !== null) {
                this.report('stallend', {
                    stall_position_secs: this.stallPosition,
                });
            }
        });
        this.listenToHls();
    }

    listenToHls() {
        const { Events } = Hls;
        const on = (name, handler) =>
            this.hls.on(name, (_, data) => handler(data));

        on(Events.MANIFEST_PARSED, () => this.reportManifest());
        on(Events.MEDIA_ATTACHED, () => this.reportReady());
        on(Events.MEDIA_DETACHED, () =>
            this.reportBare('playbackdetached', null));
        on(Events.LEVEL_SWITCHING, (level) => {
            this.report('qualitychangerequested',
                        { new: this.rendition(level) });
            this.report('bandwidthchange', {
                bandwidth: level.bitrate, codec: level.videoCodec,
            });
        });
        on(Events.LEVEL_SWITCHED, (data) => this.switched(data));
        on(Events.FRAG_BUFFERED, (data) => this.fragment(data));
        on(Events.ERROR, (data) => this.error(data));
    }

    rendition(level) {
        return { bitrate_kb: level.bitrate / 1000,
                 resolution: { width: level.width, height: level.height },
                 codec: level.videoCodec,
                 framerate: level.attrs['FRAME-RATE'],
                 level: level.level };
    }

    switched({ level }) {
        const { bitrate, width, height } = this.hls.levels[level];

        this.report('qualitychange', {
            bitrate_kb: bitrate / 1000, media_type: '',
            resolution: { width, height }, bits_per_pixel: null,
            video_width: this.video.videoWidth,
            video_height: this.video.videoHeight,
            player_width: this.video.offsetWidth,
            player_height: this.video.offsetHeight,
            device_pixel_ratio: devicePixelRatio,
        });
    }

    // Reports every tenth fragment, as a sample.
    fragment({ frag }) {
        const { loading, total } = frag.stats;

        if (frag.sn % 10 !== 4) {
            return;
        }

        this.report('fragmentloaded', {
            frag_duration: frag.duration, size_bytes: total,
            time_to_load: loading.end - loading.start,
            ttfb_ms: loading.first - loading.start, z_score: 0.7,
            bandwidth: this.hls.bandwidthEstimate, url: null,
            frag_id: frag.relurl, media_type: frag.type, type: '',
            is_outlier: false,
        });
    }

    error({ type, details }) {
        const network = type === Hls.ErrorTypes.NETWORK_ERROR;
        const family = network ? 'network' : 'decoder';

        this.report('error', {
            error_family: family, error_code: '-1',
            error_message: `${network ? 'Network' : 'Media'} error: `
                           + details,
            error_context: { error_family: family, error_type: type,
                             error_details: details },
        });
    }

    playing() {
        return { playing_time: this.position() };
    }

    heartbeat() {
        return { playing_time: this.playingTime, bitrate: null,
                 dropped_frames: this.droppedFrames() };
    }
}


// dash.js: `playing` when pictures move, with a playing_time in s.

class DashAdapter extends Adapter {

    constructor(reporter, video, dash) {
        super(reporter, video);
        this.dash = dash;
        this.handlers = [];
        this.sample = 0;
    }

    description() {
        return this.describe('dashjs', this.dash.getVersion());
    }

    detach() {
        super.detach();

        for (const [name, handler] of this.handlers) {
            this.dash.off(name, handler);
        }
    }

    onDash(name, handler) {
        this.dash.on(name, handler);
        this.handlers.push([name, handler]);
    }

    listen() {
        const events = dashjs.MediaPlayer.events;

        this.onDash(events.MANIFEST_LOADING_FINISHED, () =>
            this.reportManifest());
        this.onDash(events.MANIFEST_LOADED, () => this.reportReady());
        this.onDash(events.CAN_PLAY, () => this.reportBare('canplay', {
            video_startup_time: performance.now(),
        }));
        this.onDash(events.REPRESENTATION_SWITCH, (e) =>
            this.report('bandwidthchange', {
                media_type: e.mediaType,
                bandwidth: e.currentRepresentation.bandwidth,
                codec: e.currentRepresentation.codecFamily,
            }));
        this.onDash(events.QUALITY_CHANGE_REQUESTED, (e) =>
            this.report('qualitychangerequested', {
                old: this.rendition(e.oldRepresentation),
                new: this.rendition(e.newRepresentation),
                media_type: e.mediaType,
            }));
        this.onDash(events.QUALITY_CHANGE_RENDERED, (e) => this.rendered(e));
        this.onDash(events.BUFFER_LEVEL_UPDATED, (e) => this.level(e));
        this.listenToPlayback(events);
    }

    listenToPlayback(events) {
        const began = () => {
            if (this.stallBegins()) {
                this.report('stallstart', {
                    buffer_len_ms: this.bufferLength(), bitrate: null,
                });
            }
        };

        this.onDash(events.PLAYBACK_PLAYING, (e) => this.playing(e));
        this.onDash(events.PLAYBACK_PAUSED, () => this.pause());
        this.onDash(events.PLAYBACK_ENDED, () => this.ended());
        this.onDash(events.PLAYBACK_SEEKING, () => this.seeking());
        this.onDash(events.PLAYBACK_SEEKED, () => this.seeked());
        this.onDash(events.PLAYBACK_WAITING, began);
        this.onDash(events.PLAYBACK_STALLED, began);
        this.onDash(events.PLAYBACK_TIME_UPDATED, () => this.timeUpdate());
        this.onDash(events.PLAYBACK_ERROR, (e) => this.report('error', {
            error_family: 'source', error_code: String(e.error.code || -1),
            error_message: String(e.error.message || e.error),
            error_context: { error_family: 'source' },
        }));
    }

    playing({ playingTime }) {
        if (this.stallEnds() !== null) {
            this.report('stallend', {
                stall_position_secs: this.video.currentTime,
            });
        }

        this.report('playing', { playing_time: playingTime, bitrate: null,
                                 resolution: null, framerate: null });
        this.startHeartbeat();
    }

    rendition(representation) {
        const { bitrateInKbit, width, height, frameRate, codecFamily } =
            representation || {};

        return { bitrate_kb: bitrateInKbit || null,
                 resolution: { width: width || null, height: height || null },
                 framerate: frameRate || null, codec: codecFamily || null };
    }

    rendered(e) {
        this.report('qualitychange', {
            ...this.rendition(e.newRepresentation), media_type: e.mediaType,
            bits_per_pixel: null,
            video_width: this.video.videoWidth,
            video_height: this.video.videoHeight,
            player_width: this.video.offsetWidth,
            player_height: this.video.offsetHeight,
            device_pixel_ratio: devicePixelRatio,
        });
    }

    // Reports every twentieth level, as a sample.
    level({ bufferLevel, mediaType }) {
        if (++this.sample % 20 === 0) {
            this.report('bufferlevelchange', {
                buffer_len_ms: bufferLevel * 1000, z_score: 0.24,
                is_outlier: false, media_type: mediaType,
            });
        }
    }

    heartbeat() {
        const shown = this.dash.getCurrentRepresentationForType('video');

        return { playing_time: this.playingTime,
                 bitrate: shown ? shown.bandwidth : null,
                 buffer_len_ms: this.bufferLength(),
                 dropped_frames: this.droppedFrames() };
    }
}


// shaka: its own state of buffering instead of the element's, no start-up
// times but the player's, bitrates that are estimates of the bandwidth.

class ShakaAdapter extends Adapter {

    constructor(reporter, video, player) {
        super(reporter, video);
        this.player = player;
        this.handlers = [];
        this.sample = 0;
    }

    description() {
        return this.describe('shaka', shaka.Player.version);
    }

    detach() {
        super.detach();

        for (const [name, handler] of this.handlers) {
            this.player.removeEventListener(name, handler);
        }
    }

    onShaka(name, handler) {
        this.player.addEventListener(name, handler);
        this.handlers.push([name, handler]);
    }

    listen() {
        this.listenToElement();
        this.onShaka('manifestparsed', () => this.reportManifest());
        this.onShaka('loaded', () => this.reportReady());
        this.onShaka('adaptation', () =>
            this.report('qualitychange', this.rendition()));
        this.onShaka('buffering', ({ buffering }) =>
            buffering ? this.begins() : this.ends());
        this.onShaka('segmentappended', (e) => this.appended(e));
        this.onShaka('error', ({ detail }) => this.error(detail));
    }

    begins() {
        if (this.stallBegins()) {
            this.report('stallstart', { buffer_length: this.bufferLength(),
                                        bitrate: this.bitrate() });
        }
    }

    ends() {
        const duration = this.stallEnds();

        if (duration !== null) {
            this.report('stallend', { stall_duration: duration,
                                      buffer_length: this.bufferLength() });
        }
    }

    bitrate() {
        return this.player.getStats().estimatedBandwidth || null;
    }

    rendition() {
        const [track] = this.player.getVariantTracks()
            .filter(({ active }) => active);

        return {
            bitrate: this.bitrate(),
            resolution: {
                width: track ? track.width : this.video.videoWidth,
                height: track ? track.height : this.video.videoHeight,
            },
            framerate: track ? track.frameRate : null,
        };
    }

    // Reports every tenth segment, as a sample.
    appended({ start, end, contentType }) {
        if (++this.sample % 10 === 0) {
            this.report('fragmentloaded', {
                frag_duration: end - start, z_score: 1.58,
                media_type: contentType, type: 'segmentappended',
                is_outlier: false,
            });
        }
    }

    error({ severity, category, code }) {
        const family = category === 1 ? 'network' : 'source';

        this.report('error', {
            error_family: family, error_code: String(code),
            error_message: `Error (${code})`,
            error_context: { error_family: family, severity, category },
        });
    }

    playing() {
        return this.rendition();
    }

    heartbeat() {
        return { playing_time: this.playingTime, bitrate: this.bitrate(),
                 buffer_length: this.bufferLength(),
                 dropped_frames: this.droppedFrames() };
    }
}
