// Copyright (C) OpenQoE
//
// Loads the script of a player into the page.

'use strict';

function load(script) {   // eslint-disable-line no-unused-vars
    return new Promise((resolve, reject) => {
        const element = document.createElement('script');

        element.src = script;
        element.onload = resolve;
        element.onerror = reject;
        document.head.append(element);
    });
}
