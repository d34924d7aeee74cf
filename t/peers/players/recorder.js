// Copyright (C) OpenQoE
//
// Records what a video element really did, without any part in what is
// reported: samples of its state every 100 ms and at each of its events, and
// the time of each frame that was shown.  truth.js makes numbers of them.

'use strict';

/* exported Recorder */

class Recorder {

    constructor(video) {
        this.video = video;
        this.samples = [];
        this.element = [];
        this.frames = [];
        this.wishes = [];
        this.actions = [];

        for (const name of ['play', 'playing', 'pause', 'waiting', 'seeking',
                            'seeked', 'ended', 'canplay', 'canplaythrough',
                            'loadstart', 'loadedmetadata', 'loadeddata',
                            'emptied', 'stalled', 'ratechange', 'resize',
                            'error']) {
            video.addEventListener(name, () => this.event(name));
        }

        setInterval(() => this.sample(), 100);
        this.awaitFrame();
    }

    // [ms, position in s, paused, ended, seeking, readyState, rate]
    sample() {
        const { currentTime, paused, ended, seeking, readyState,
                playbackRate } = this.video;

        this.samples.push([performance.now(), currentTime, paused, ended,
                           seeking, readyState, playbackRate]);
    }

    event(name) {
        this.sample();
        this.element.push([performance.now(), name, this.video.currentTime]);
    }

    awaitFrame() {
        this.video.requestVideoFrameCallback((now) => {
            this.frames.push(now);
            this.awaitFrame();
        });
    }

    // The viewer wants a video to play.
    wish(id) {
        this.sample();
        this.wishes.push([performance.now(), id]);
    }

    // Whether the video has waited for data so long.
    starving(ms) {
        const { paused, seeking, readyState, playbackRate } = this.video;
        const now = performance.now();
        const last = this.samples.filter(([at]) => at > now - ms);

        return last.length > 2 && !paused && !seeking
               && (readyState < 3 || playbackRate === 0)
               && last.every(([, position]) => position === last[0][1]);
    }

    action(name) {
        this.actions.push([Math.round(performance.now()), name]);
    }

    record() {
        const { samples, element, frames, wishes, actions } = this;
        const { droppedVideoFrames, totalVideoFrames } =
            this.video.getVideoPlaybackQuality();

        this.sample();
        return { origin: performance.timeOrigin, samples, element, frames,
                 wishes, actions, dropped: droppedVideoFrames,
                 shown: totalVideoFrames };
    }
}
