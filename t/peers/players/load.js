// Copyright (C) OpenQoE
//
// Loads the script of a player into the page, and plays its video.

'use strict';

/* exported load, play */

function load(script) {
    return new Promise((resolve, reject) => {
        const element = document.createElement('script');

        element.src = script;
        element.onload = resolve;
        element.onerror = reject;
        document.head.append(element);
    });
}

// A click before the player has given the video a source makes the browser look
// for one.  A source that comes while it still looks undoes the play, and the
// viewer clicks again.

function play(video) {
    video.play().catch((error) => {
        if (error.name === 'AbortError' && video.currentTime === 0) {
            play(video);
        }
    });
}
